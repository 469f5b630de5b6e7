"""Reads the legacy format of four files, and migrates it."""
