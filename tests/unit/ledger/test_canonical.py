"""What canonical JSON refuses, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from intendance.ledger import canonical
from intendance.model.errors.ledger import NotCanonical


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a":1.0}',
        b'{"a":1.5}',
        b'{"a":1e3}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":123456789012345678901234567890}',
        b'{"A":1}',
        b'{"a b":1}',
        b'{"":1}',
        '{"é":1}'.encode(),
        b'{"a": 1}',
        b'{"a":1}\n',
        b"\xef\xbb\xbf{}",
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u000A"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":"e\u0301"}'.encode(),
        b"NaN",
        b"[1,]",
        b"",
        b"{",
        b"[" * 5000,
        b"[" * 17 + b"]" * 17,
    ],
)
def test_refused_when_read(content: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical.decode(content)


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), {"A": 1}, {1: 1}, {"a": 2**53}, "e\u0301", "\udc80", b"bytes", {1, 2}, object()]
)
def test_refused_when_written(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical.encode(value)


def test_the_limits_themselves_are_allowed() -> None:
    deep: Any = "x"
    for _ in range(canonical.LIMIT_DEPTH - 1):
        deep = [deep]
    assert canonical.decode(canonical.encode(deep)) == deep
    assert canonical.decode(b"9007199254740991") == 2**53 - 1
    text = "x" * (canonical.LIMIT_BYTES - 2)
    assert canonical.decode(canonical.encode(text)) == text
    with pytest.raises(NotCanonical, match="61441 bytes"):
        canonical.decode(canonical.encode(text + "x"))


def test_control_characters_and_rare_letters() -> None:
    assert canonical.encode('\x00\x1f\x7f\b\t\n\f\r"\\/\u2028😀') == (
        b'"\\u0000\\u001f\x7f\\b\\t\\n\\f\\r\\"\\\\/\xe2\x80\xa8\xf0\x9f\x98\x80"'
    )
