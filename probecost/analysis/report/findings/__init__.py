"""Collects what every report shows, in no format: the answer, estimates, provenance, voids, degradations."""
