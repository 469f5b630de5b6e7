"""From the units of a case to what may be said of it: estimate, interval, families of tests, verdict."""
