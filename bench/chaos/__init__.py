"""Faults at random moments of a lab run, and how long it takes until every node is as it was: ``make chaos``."""
