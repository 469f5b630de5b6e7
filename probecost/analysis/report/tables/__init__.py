"""Builds the tables of values per topic and iteration, for CSV, Markdown and workbook."""
