"""Numbers and sizes as people read them, in English and French."""

from __future__ import annotations

from typing import Literal

Language = Literal["fr", "en"]
_NARROW_SPACE = "\u202f"
_NO_BREAK_SPACE = "\u00a0"
_UNITS = {"en": ("byte", "KiB", "MiB", "GiB", "TiB", "PiB"), "fr": ("octet", "Kio", "Mio", "Gio", "Tio", "Pio")}


def size(count_bytes: int, language: Language = "en") -> str:
    """`1.5 GiB`, `1,5 Gio`: bytes in binary units, rounded down so that nothing looks larger than it is."""
    units = _UNITS[language]
    step = min((max(count_bytes, 1).bit_length() - 1) // 10, len(units) - 1)
    space = _NO_BREAK_SPACE if language == "fr" else " "
    if step == 0:
        singular = count_bytes == 1 or (language == "fr" and count_bytes == 0)
        return f"{count_bytes}{space}{units[0]}{'' if singular else 's'}"
    whole, tenth = divmod(count_bytes * 10 >> (10 * step), 10)
    text = str(whole) if whole >= 100 else f"{whole}{',' if language == 'fr' else '.'}{tenth}"
    return f"{text}{space}{units[step]}"


def number(count: int, language: Language = "en") -> str:
    """`1,021,000`; in French the groups stand apart by a narrow no-break space."""
    grouped = f"{count:,}"
    return grouped.replace(",", _NARROW_SPACE) if language == "fr" else grouped
