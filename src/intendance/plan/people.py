"""Who is who among the contacts of a plan: two contacts that share a name, an address or a telephone are one person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_MARKS = ("name", "email", "phone")
_DIGITS = 16


def marks(contact: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells a person, as evidence keeps it: hashes of name, address and telephone, however they are written."""
    found = []
    for option in _MARKS:
        value = contact.get(option)
        if isinstance(value, str):
            plain = re.sub(r"[\s./()-]", "", value).casefold()
            found.append(sha256(f"{option}:{plain}".encode()).hexdigest()[:_DIGITS])
    return tuple(found)
