"""Checks a results tree: what of it is complete, missing or implausible, per case."""
