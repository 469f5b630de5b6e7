"""Decides what measured values mean: units, comparison with the baseline, families of tests, verdicts, budgets."""
