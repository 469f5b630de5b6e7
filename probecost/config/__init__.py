"""Reads a folder of configuration into an Environment."""
