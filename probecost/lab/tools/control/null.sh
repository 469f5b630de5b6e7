#!/bin/sh
# Does nothing until it is stopped. It attaches no program to anything, so whatever is measured as its cost is the
# noise of the bed and of starting and stopping a tool.
exec sleep infinity
