"""Compares two runs: checks that they are comparable, and computes the changes of overhead.

``probecost.analysis.judge.baseline``, in contrast, compares tool and baseline within one run.
"""
