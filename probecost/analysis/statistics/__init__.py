"""Statistics of the units of a case: estimate, interval, families of tests, verdict."""
