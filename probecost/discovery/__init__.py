"""Discovers the nodes of an environment, and writes <env>-full.yaml and <env>-cases.json."""
