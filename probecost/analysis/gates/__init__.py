"""The gates: conditions that void a perf test, a segment or a pair of visits, independently of its result.

Nothing is voided for its result: a stall, a zero or a low rate may be the tool's cost.
"""
