"""Measures on a bed: generators, the tool, visits of a case. It gives raw files and facts; analysis interprets them."""
