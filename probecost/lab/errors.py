"""The one error of the lab."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot be brought up, taken down or reached; the message says why and what to do."""
