"""Makes measurements, comparisons and reports from raw result files alone: no SSH, no root."""
