"""Reads and validates the settings of the analysis."""
