"""The names that objects may have, the same in every store."""

from __future__ import annotations

import re

from intendance.model.errors.store import StoreRefused

SEGMENT = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,199}")
_CUT_SHORT = re.compile(r"\.[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,199}\.[0-9a-f]{16}\.part")
_LONGEST = 1000


def is_key(key: str) -> bool:
    """Whether `key` is one: segments of `[A-Za-z0-9._@+-]` that do not begin with a dot, joined by `/`."""
    return len(key) <= _LONGEST and all(SEGMENT.fullmatch(segment) for segment in key.split("/"))


def require_key(store: str, key: str) -> str:
    """The key itself. Raises StoreRefused when it is none."""
    if not is_key(key):
        raise StoreRefused(store=store, operation=f"use the name {key[:100]!r}", detail="it is not a key")
    return key


def is_cut_short(name: str) -> bool:
    """Whether a file's name is the temporary one of a put that did not end."""
    return _CUT_SHORT.fullmatch(name) is not None
