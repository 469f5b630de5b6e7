"""Collects the common content of all reports, in no format: the answer, estimates, provenance, voids, degradations."""
