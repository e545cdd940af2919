"""Whether something keeps the machine's clock right, as the kernel knows it; needs no program and no right."""

from __future__ import annotations

import ctypes

# adjtimex(2): every NTP client resets the estimate; the kernel lets it grow to this value, 16 s, when none does.
UNSYNCHRONISED_MICROSECONDS = 16_000_000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),  # more than any architecture's struct timex has behind
    )


def maximum_error_microseconds() -> int | None:
    """How far the clock may be off as the kernel estimates it, in microseconds; None where the kernel will not say."""
    asked = _Timex()  # modes 0: nothing is changed
    try:
        result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    except (OSError, AttributeError):
        return None
    return None if result < 0 else int(asked.maxerror)


def is_synchronised() -> bool | None:
    """Whether the clock is kept by NTP or the like; None when that cannot be known."""
    error = maximum_error_microseconds()
    return None if error is None else error < UNSYNCHRONISED_MICROSECONDS
