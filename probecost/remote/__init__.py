"""Nodes over SSH: one connection and one supervisor each, files both ways. What they do with it is for other rooms."""
