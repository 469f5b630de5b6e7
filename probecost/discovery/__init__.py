"""Finds what a node has, and writes <env>-full.yaml and <env>-cases.json."""
