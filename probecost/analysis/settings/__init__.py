"""Reads and validates the settings by which a run is judged."""
