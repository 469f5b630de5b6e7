"""Hooks of this project's own runs go here, see docs/hooks.md. probecost itself is a plugin that pytest finds."""
