"""The engine of probecost: it measures what an eBPF tool costs the network path it watches. No pytest in it."""

from importlib.metadata import version

__version__ = version("probecost")
