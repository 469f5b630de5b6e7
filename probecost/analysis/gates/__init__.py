"""The gates: what makes a perf test, a segment or a pair of visits useless, whatever it measured.

Nothing is voided for its outcome: a stall, a zero or a low rate may be what the tool costs.
"""
