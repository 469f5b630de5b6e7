"""The workflow file: its model, and the mapping to and from a plan."""
