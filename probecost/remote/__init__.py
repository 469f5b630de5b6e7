"""Nodes over SSH: one connection and one supervisor each, files both ways."""

import logging

# paramiko logs tracebacks of failures that ``probecost.remote.ssh`` raises as its own errors; a handler shows them.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
