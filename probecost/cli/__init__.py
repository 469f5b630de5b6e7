"""The ``probecost`` command: one file per verb."""
