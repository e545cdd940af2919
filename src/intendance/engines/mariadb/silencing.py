"""Events of a dump made disabled, so that those of a copy never run beside the original's, not for a moment. Pure.

The server itself writes how an event begins (`SHOW CREATE EVENT`), in one form; anything else is refused rather than
guessed at. A body that holds such a beginning is left alone: a statement begins where the former one ended.
"""

from __future__ import annotations

import re
from dataclasses import replace

from intendance.engines.mariadb.splitter import NAME, Piece

_BEGINS = re.compile(rb"(?<=;;\n)/\*!50106 CREATE\*/ ")
_TEXT = rb"'(?:[^'\\]|''|\\.)*'"
_EVENT = re.compile(
    rb"(/\*!50106 CREATE\*/ (?:/\*!50117 DEFINER=" + NAME + rb"(?:@" + NAME + rb")?\*/ )?/\*!50106 EVENT " + NAME
    + rb" ON SCHEDULE (?:AT " + _TEXT
    + rb"|EVERY (?:" + _TEXT + rb"|\d+) [A-Z_]+(?: STARTS " + _TEXT + rb")?(?: ENDS " + _TEXT + rb")?)"
    + rb" ON COMPLETION (?:NOT )?PRESERVE )(ENABLE|DISABLE(?: ON SLAVE)?) "
)  # fmt: skip


MARK = b"DISABLE ON SLAVE"
"""It runs nowhere, and is told from one that was disabled already: what is put in production runs again."""


class EventUnknown(Exception):
    """An event is written in a form that is not known."""

    def __str__(self) -> str:
        return "an event of the dump is written in a form that is not known, so it could not be kept from running"


def silenced(piece: Piece) -> Piece:
    """The piece with each event that it creates disabled. Raises EventUnknown."""
    content = piece.content
    if b"EVENT" not in content:
        return piece
    made, done = bytearray(), 0
    for begin in _BEGINS.finditer(content):
        event = _EVENT.match(content, begin.start())
        if event is None:
            raise EventUnknown
        if event[2] == b"ENABLE":
            made += content[done : event.start(2)] + MARK
            done = event.end(2)
    if not done:
        return piece
    return replace(piece, content=bytes(made + content[done:]))
