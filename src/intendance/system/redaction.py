"""Taking secrets out of what programs say, before it is shown or recorded.

Two ways, because neither is enough: by their look (`redact`), and, where the secret itself is at hand, by its value in
every spelling that programs give it (`Secrets`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

_HIDDEN = "[redacted]"
SHORTEST = 4
"""Characters of a secret that is known by its value: shorter ones are in every second word."""

_QUOTED = r"(?:\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'[^']*(?:'|\Z))"
_VALUE = rf"(?:{_QUOTED}(?:{_QUOTED}|\\.|[^\s\"',;)}}\]])*|(?:\\.|{_QUOTED}|[^\s\"'])+)"
"""One value as shells and options files write it: quoted pieces, escapes and plain ones side by side."""
# In a plan, `credentials: {file: …}` says where a secret is; what stands in the braces is looked at by itself.
_WORDS = r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|credentials?(?![\"']?\s*[:=]\s*\{)|authorization"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when first needed: it takes 5 ms that most commands do not have to spend."""
    return (
        re.compile(
            r"()(-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z))", re.S
        ),
        # Authorization: Bearer …, Basic …
        re.compile(r"(?i)(\b(?:bearer|basic)\s+)([a-z0-9+/=._~-]{8,})"),
        # password=…, "secret": "…", token: … in whatever quotes, also as the end of a longer name (MYSQL_PWD=…)
        re.compile(rf"(?i)((?:{_WORDS})[\"']?\s*[:=]\s*)(?!(?:YES|NO)\))({_VALUE})", re.S),
        re.compile(rf"(?i)(--?(?:{_WORDS})\s+)({_VALUE})", re.S),
        re.compile(rf"((?:^|[\s;|&])(?:mysql|mariadb)\S*\s(?:[^\n]*?\s)?-p)({_VALUE})", re.S),
        re.compile(
            rf"(?i)(identified\s+(?:by|(?:via|with)\s+\S+\s+(?:using|as|by))\s+(?:password\s*\(?\s*)?)({_QUOTED})", re.S
        ),
        # scheme://user:password@host; the password may hold an @ that nobody encoded
        re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*:)([^\s/]*)(?=@)"),
    )


@cache
def _hint() -> re.Pattern[str]:
    """What all of them need, looked for at once: most sentences have none of it."""
    return re.compile(rf"(?i){_WORDS}|-----BEGIN|bearer|basic|-p|identified|://")


def redact(text: str) -> str:
    """The text with whatever looks like a secret replaced by `[redacted]`; rather too much than too little."""
    if _hint().search(text) is None:
        return text
    for pattern in _patterns():
        text = pattern.sub(lambda found: found.group(1) + _HIDDEN, text)
    return text


class Secrets:
    """Secrets known by their value. They are never shown: not even this object says what it holds."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        spellings = {each for value in values if len(value) >= SHORTEST for each in _spellings(value)}
        found = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_anyhow_broken, found))) if found else None

    def __repr__(self) -> str:
        return "Secrets()"

    def hide(self, text: str) -> str:
        """The text without them, nor what else looks like a secret."""
        return redact(text if self._pattern is None else self._pattern.sub(_HIDDEN, text))


def _spellings(value: str) -> Iterator[str]:
    """A value as programs repeat it: as it is, quoted for a shell, JSON, SQL or a URL, in hexadecimal, in base64."""
    import base64  # secrets are known by their value where they are used, and nowhere else
    import json
    import shlex
    from urllib.parse import quote, quote_plus

    yield value
    yield repr(value)[1:-1]
    for plain in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield plain
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), plain)
    yield shlex.quote(value)
    yield from (value.replace("'", each) for each in ("'\\''", "\\'", "''", "'\"'\"'"))
    escaped = value.replace("\\", "\\\\")
    yield from (escaped.replace("'", "\\'"), escaped.replace("'", "\\'").replace('"', '\\"'), escaped)
    yield from (json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    content = value.encode(errors="surrogateescape")
    yield content.hex()
    yield content.hex().upper()
    for before in range(3):  # wherever in a longer text it stands, these characters of its base64 are the same
        encoded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        inner = encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
        if len(inner) >= SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _anyhow_broken(spelling: str) -> str:
    """The spelling, also when a program breaks it across lines."""
    return r"(?:\\?\r?\n[ \t]*)?".join(map(re.escape, spelling))
