"""Puts a run together: cases, their progress while they are measured, iterations, selections."""
