"""Words and number formats that all reports share."""
