"""Reads an environment's folder of configuration into an Environment."""
