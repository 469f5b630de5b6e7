"""Writes the reports: CSV, Markdown, the page, forest plots, workbook."""
