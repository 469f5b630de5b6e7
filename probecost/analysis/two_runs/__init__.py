"""Two runs: whether they can be compared, and by how much the overhead of one differs from that of the other.

``probecost.analysis.judge.baseline`` is something else: tool against baseline within one run.
"""
