"""probecost measures what eBPF tools cost the network path that they watch. docs/code.md shows the rooms."""

from pathlib import Path

#: The folder of the package: templates, the lab's tools and the perf tests lie in it.
PACKAGE = Path(__file__).resolve().parent
