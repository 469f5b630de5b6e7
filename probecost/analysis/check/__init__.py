"""Checks a results tree for missing and implausible data, per case."""
