"""Keeping the full trace of a case that nobody foresaw, in a file instead of on somebody's screen."""

from __future__ import annotations

import tempfile
import traceback
from pathlib import Path

from intendance.system.publish import publish
from intendance.system.redaction import redact


def keep_trace(folder: Path, name: str, error: BaseException) -> Path:
    """Write the redacted trace into `folder`, or among temporary files when that cannot be written; says where."""
    return keep_words(folder, name, "".join(traceback.format_exception(error)))


def keep_words(folder: Path, name: str, words: str) -> Path:
    """The same with what a process said before it broke off."""
    text = redact(words)
    for place in (folder, Path(tempfile.gettempdir())):
        path = place / f"{name}.txt"
        try:
            publish(path, text.encode(), mode=0o600, replace=True)
        except OSError:
            continue
        return path
    return Path("(nowhere: neither the state folder nor the temporary one can be written)")
