"""Reads the older layout of a results tree: no metadata, ``{pair}/client_results/...``."""
