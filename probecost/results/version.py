"""The version of probecost that stands in every result."""

from importlib.metadata import version

VERSION = version("probecost")
