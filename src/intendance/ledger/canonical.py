"""Canonical JSON: one value, one sequence of bytes (`docs/ledger.md`, a subset of RFC 8785).

Keys are `[a-z0-9_]+`, numbers are integers that every JSON reader holds exactly, text is NFC, nothing is said twice.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import msgspec

from intendance.model.errors.ledger import NotCanonical

LIMIT_BYTES = 60 * 1024
"""A log entry has a 16-bit length (C2SP tlog-tiles); 60 KiB leaves room for what a later version may wrap around it."""
LIMIT_DEPTH = 16
LIMIT_INTEGER = 2**53 - 1
"""RFC 8785 numbers are IEEE 754 doubles: beyond this integers are no longer exact."""

_KEY = re.compile(r"[a-z0-9_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ALIKE = bytes.maketrans(b"123456789,[-", b"000000000:::")
_LONG_NUMBER = b":" + b"0" * 16
"""What a number of 16 digits or more begins with, once all digits are alike and so is all that stands before one."""
_encoder = msgspec.json.Encoder(order="sorted")
write = _encoder.encode
"""The bytes of a value with its keys sorted, nothing checked; canonical if the value is. Also for typed values."""


def encode(value: object) -> bytes:
    """The canonical bytes of a value made of dict, list, tuple, str, int, bool and None. Raises NotCanonical."""
    _check(value, 1)
    return _encoder.encode(value)


def decode(content: bytes, *, limit_bytes: int = LIMIT_BYTES) -> Any:
    """The value of canonical bytes. Raises NotCanonical for anything that `encode` would not have written."""
    if len(content) > limit_bytes:
        raise NotCanonical(detail=f"{len(content)} bytes, at most {limit_bytes}")
    try:
        value = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(detail=str(error) or type(error).__name__) from None
    if encode(value) != content:
        raise NotCanonical(detail="its keys are unsorted or repeated, or it is written in another way")
    return value


def has_long_numbers(content: bytes) -> bool:
    """Whether JSON may hold an integer of 16 digits or more, which 2^53 - 1 has; false alarms are possible in text."""
    return _LONG_NUMBER in content.translate(_ALIKE)


def is_normal(content: bytes) -> bool:
    """Whether all text is in Unicode's form NFC. Raises UnicodeDecodeError when it is not UTF-8."""
    return content.isascii() or unicodedata.is_normalized("NFC", content.decode())


def clean(text: str) -> str:
    """Text as a record may hold it: NFC, and U+FFFD for what is no text (undecodable bytes of a file name, a NUL)."""
    text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def _check(value: object, depth: int) -> None:
    if depth > LIMIT_DEPTH:
        raise NotCanonical(detail=f"nested deeper than {LIMIT_DEPTH}")
    match value:
        case None | bool():
            pass
        case str():
            _check_text(value)
        case int() | float():
            _check_number(value)
        case list() | tuple():
            for item in value:
                _check(item, depth + 1)
        case dict():
            for key, item in value.items():
                _check_key(key)
                _check(item, depth + 1)
        case _:
            raise NotCanonical(detail=f"a {type(value).__name__} has no place in JSON")


def _check_key(key: object) -> None:
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise NotCanonical(detail=f"the key {key!r} is not of [a-z0-9_]")


def _check_number(number: int | float) -> None:
    if not isinstance(number, int):
        raise NotCanonical(detail="a number that is not an integer")
    if not -LIMIT_INTEGER <= number <= LIMIT_INTEGER:
        raise NotCanonical(detail="an integer beyond 2^53 - 1")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    if _SURROGATE.search(text):
        raise NotCanonical(detail="text with half of a surrogate pair")
    if not unicodedata.is_normalized("NFC", text):
        raise NotCanonical(detail="text that is not in Unicode's normal form C")
