"""Numbers and sizes as people read them, in English and French."""

from __future__ import annotations

from typing import Literal

Language = Literal["fr", "en"]
_UNITS = {"en": ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"), "fr": ("octets", "Kio", "Mio", "Gio", "Tio", "Pio")}


def size(count_bytes: int, language: Language = "en") -> str:
    """`1.5 GiB`, `1,5 Gio`: bytes in binary units, rounded down so that nothing looks larger than it is."""
    units = _UNITS[language]
    step = min((max(count_bytes, 1).bit_length() - 1) // 10, len(units) - 1)
    if step == 0:
        return f"{count_bytes} {units[0]}"
    tenths = count_bytes * 10 >> (10 * step)
    whole, rest = divmod(tenths, 10)
    text = str(whole) if whole >= 100 else f"{whole}.{rest}"
    return f"{text.replace('.', ',') if language == 'fr' else text} {units[step]}"


def number(count: int, language: Language = "en") -> str:
    """`1,021,000`; in French the groups stand apart by a narrow no-break space."""
    grouped = f"{count:,}"
    return grouped.replace(",", "\u202f") if language == "fr" else grouped
