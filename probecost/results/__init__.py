"""The contract between what measures and what reads: layout, names, metrics, metadata, run file, rules."""
