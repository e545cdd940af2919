"""Who is who among the contacts of a plan: two contacts that share a name, an address or a telephone are one person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

_MARKS = ("name", "email", "phone")
_DIGITS = 16


def marks(contact: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells a person, as evidence keeps it: hashes of name, address and telephone, however they are written."""
    return tuple(sha256(f"{option}:{plain}".encode()).hexdigest()[:_DIGITS] for option, plain in plain_marks(contact))


def plain_marks(contact: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same readable: letters in one form and case, no signs of layout, an address without its `+` part."""
    for option in _MARKS:
        value = contact.get(option)
        if isinstance(value, str):
            plain = re.sub(r"\(0\)|[\s./()-]", "", unicodedata.normalize("NFKC", value)).casefold()
            yield option, re.sub(r"\+[^@]*@", "@", plain) if option == "email" else plain
