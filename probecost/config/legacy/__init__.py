"""Reads the older format of four files, and migrates it."""
