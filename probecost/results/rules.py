"""Rules of a campaign, for the planner and the statistics."""

from __future__ import annotations

from collections.abc import Mapping

#: Below, there is an estimate and no verdict.
LEAST_UNITS = 8
#: The units of a plan that stops by itself.
MOST_UNITS = 24
#: The looks of a plan that ends when it is precise enough: units → alpha. The alphas add up to 0.05.
LOOKS: Mapping[int, float] = {LEAST_UNITS: 0.008, 12: 0.010, 16: 0.012, MOST_UNITS: 0.020}
#: Fresh units for the confirmation of an unexpected speed-up.
CONFIRMATION_UNITS = 8
#: The tool that only sleeps, so that any cost it seems to have is noise of the bed.
NULL_TOOL = "null"
