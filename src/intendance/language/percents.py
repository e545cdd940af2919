"""Shares as people read them, never rounded up: 99.999 % of something is not 100 %."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

Language = Literal["fr", "en"]


def percent(part: int, whole: int, language: Language = "en", *, decimals: int = 1) -> str:
    """`99.9%`, `99,9 %` (a no-break space before the sign): rounded down. Raises ValueError when `whole` is 0."""
    if whole <= 0:
        raise ValueError("a share of nothing")
    scaled = Fraction(part, whole) * 100 * 10**decimals // 1
    digits = f"{abs(scaled):0{decimals + 1}}"
    text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".") if decimals else digits
    text = f"-{text}" if scaled < 0 else text
    return f"{text.replace('.', ',')}\u00a0%" if language == "fr" else f"{text}%"
