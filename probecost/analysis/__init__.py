"""From raw result files to measurements, comparisons and reports. It reads files only: no SSH, no root."""
