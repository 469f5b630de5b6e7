"""Reads the older shape of a results tree, as the field has it on disk: no metadata, ``{pair}/client_results/...``."""
