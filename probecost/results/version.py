"""The version of probecost, written into every result."""

from importlib.metadata import version

VERSION = version("probecost")
