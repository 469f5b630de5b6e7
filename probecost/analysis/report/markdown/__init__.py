"""Formats the reports in Markdown: overview, summary, topics, the comparison of two runs."""
