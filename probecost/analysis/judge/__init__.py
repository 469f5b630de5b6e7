"""Judges measured values: units, comparison with the baseline, families of tests, verdicts, budgets."""
