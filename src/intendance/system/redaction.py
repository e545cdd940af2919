"""Taking secrets out of what programs say, before it is shown or recorded."""

from __future__ import annotations

import re

_HIDDEN = "[redacted]"
_PATTERNS = (
    # password=…, --password …, "secret": "…", token: … in whatever quotes
    re.compile(
        r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|authorization)[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|\S+)"
    ),
    re.compile(r"(?i)(--(?:password|passphrase|token|secret)\s+)(\S+)"),
    re.compile(r"(?i)(identified\s+(?:by|via\s+\S+\s+(?:using|as))\s+(?:password\s+)?)('[^']*'|\"[^\"]*\")"),
    re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]*:)([^\s@]+)(?=@)"),
    re.compile(
        r"()(-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z))",
        re.DOTALL,
    ),
)


def redact(text: str) -> str:
    """The text with whatever looks like a secret replaced by `[redacted]`; never longer meaning than before, maybe
    less."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: found.group(1) + _HIDDEN, text)
    return text
