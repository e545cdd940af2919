"""Where a page ends and the next begins, as a word that nobody has to understand. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from intendance.model.errors.api import QueryUnusable

PATTERN = r"^[A-Za-z0-9_-]{1,500}$"
_LONGEST = 100
_LARGEST = 2**53


def write(*parts: str | int) -> str:
    """The cursor of the last key of a page."""
    return urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def read(text: str, *kinds: type) -> tuple[Any, ...] | None:
    """The key that a cursor stands for, None for no cursor. Raises QueryUnusable for what `write` never wrote."""
    if not text:
        return None
    try:
        parts = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds) or not all(map(_is_sane, parts)):
        raise QueryUnusable(name="cursor", detail="it is not the `next` of an answer to the same question")
    return tuple(parts)


def _is_sane(part: str | int) -> bool:
    """Whether a database takes it: a forged cursor is no way to what it refuses."""
    if isinstance(part, str):
        return len(part) <= _LONGEST and (not part or part.isprintable())
    return 0 <= part <= _LARGEST
