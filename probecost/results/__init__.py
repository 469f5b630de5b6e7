"""The contract between measuring and reading: layout, names, metrics, metadata, run file, rules."""
