"""Finds and reads the files of a results tree; damage becomes a problem, never an exception."""
