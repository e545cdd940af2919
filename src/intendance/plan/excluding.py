"""Which paths a plan's `exclude` leaves out; the rules judge by the same (`catalogue/excluding.py`). Pure."""

from __future__ import annotations

from intendance.catalogue.excluding import leaves_out, matches

__all__ = ["leaves_out", "matches"]
