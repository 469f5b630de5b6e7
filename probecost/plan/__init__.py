"""Plans a run: cases from the parameter matrix, visits and flows, order, calibration."""
