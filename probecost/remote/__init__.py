"""Nodes over SSH: one connection and one supervisor each, files both ways. What they do with it is for other rooms."""

import logging

# paramiko logs tracebacks of what ``probecost.remote.ssh`` raises as its own error; who wants them adds a handler.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
