"""Studies a run: its cases, their progress while they are measured, iterations, selections."""
