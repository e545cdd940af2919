"""The letters of text messages (GSM 03.38): 160 of them in one message, or 70 as soon as one is not among them. Pure.

So a text is written in these letters alone: rather a missing accent than half a message.
"""

from __future__ import annotations

import re
import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
"""Letters that take the room of two."""
_INSTEAD = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "…": "...", "–": "-", "—": "-", "−": "-", "‑": "-",
    "→": "->", "œ": "oe", "Œ": "OE", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ", "`": "'", "·": "-",
    "•": "-", "°": "o", "≥": ">=", "≤": "<=", "×": "x",
}  # fmt: skip
_OPENING, _CLOSING = re.compile("«[\u00a0\u202f ]?"), re.compile("[\u00a0\u202f ]?»")
ONE_MESSAGE = 160
EACH_OF_SEVERAL = 153
"""What is left of each when several are put together again by the telephone (UDH of 7 letters)."""


def transliterate(text: str) -> str:
    """The text in the letters of a text message; what has none that looks like it becomes `?`."""
    quoted = _OPENING.sub('"', _CLOSING.sub('"', unicodedata.normalize("NFC", text)))
    return "".join(map(_letter, quoted))


def _letter(sign: str) -> str:
    if sign in _BASIC or sign in _EXTENDED:
        return sign
    if sign in _INSTEAD:
        return _INSTEAD[sign]
    plain = "".join(each for each in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(each))
    fits = plain and all(each in _BASIC or each in _EXTENDED for each in plain)
    return plain if fits else "?"


def length(text: str) -> int:
    """Septets that a transliterated text takes."""
    return sum(2 if sign in _EXTENDED else 1 for sign in text)


def messages(text: str) -> int:
    """How many text messages a transliterated text costs; a letter of two septets is never split."""
    if length(text) <= ONE_MESSAGE:
        return 1
    count, room = 1, EACH_OF_SEVERAL
    for sign in text:
        size = 2 if sign in _EXTENDED else 1
        if size > room:
            count, room = count + 1, EACH_OF_SEVERAL
        room -= size
    return count


def fit(text: str, limit: int = ONE_MESSAGE) -> str:
    """The transliterated text, cut to `limit` septets at most, with three points where something is missing."""
    told = transliterate(text)
    if length(told) <= limit:
        return told
    kept, room = "", limit - 3
    for sign in told:
        room -= 2 if sign in _EXTENDED else 1
        if room < 0:
            break
        kept += sign
    return kept.rstrip() + "..."
