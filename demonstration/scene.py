"""Where everything of the demonstration lies, and how it speaks.

What must survive a restart stands under `.dev/demonstration`. Sockets have short paths (108 bytes, unix(7)), so they
and the names by which key holders' homes are reached stand in a private folder under `/tmp`, made when it is missing.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "asbl_horizon"
HOLDERS = ("marie", "thomas", "offline")


@dataclass(frozen=True, slots=True)
class Scene:
    """The folders of one demonstration. `base` survives; `short` is made anew when needed. `size` scales the data."""

    base: Path
    size: float = 1.0

    @property
    def short(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.base)).hexdigest()[:8]
        return Path(f"/tmp/intendance-demonstration-{os.geteuid()}-{digest}")

    @property
    def state(self) -> Path:
        return self.base / "state"

    @property
    def plan(self) -> Path:
        return self.base / "intendance.yaml"

    @property
    def database(self) -> Path:
        return self.base / "mariadb"

    @property
    def socket(self) -> Path:
        return self.short / "mariadb.sock"

    @property
    def website(self) -> Path:
        return self.base / "website"

    @property
    def bookings(self) -> Path:
        return self.base / "bookings" / "bookings.sqlite"

    @property
    def store(self) -> Path:
        return self.base / "store"

    @property
    def password(self) -> Path:
        """The throw-away password with which one logs in to the page."""
        return self.base / "password"

    @property
    def address(self) -> Path:
        """Where the page was last, `HOST:PORT`."""
        return self.base / "address"

    def home_of(self, holder: str) -> Path:
        """The GNUPGHOME of a person who holds a key; on a node that person's key would not be here."""
        return self.short / holder

    def open(self) -> None:
        """Make what is missing of the folders. Raises PermissionError when somebody else owns the short one."""
        self.base.mkdir(parents=True, exist_ok=True)
        self.short.mkdir(mode=0o700, exist_ok=True)
        if self.short.is_symlink() or self.short.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self.short} belongs to somebody else; remove it and start again")
        for holder in HOLDERS:
            kept, link = self.base / "keys" / holder, self.home_of(holder)
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(kept)

    def close(self) -> None:
        """Remove the short folder; what it leads to stays."""
        for holder in HOLDERS:
            self.home_of(holder).unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        if self.short.is_dir() and not any(self.short.iterdir()):
            self.short.rmdir()


class Voice:
    """One line for each thing that is done, with the time it took; quiet colours on a terminal, none elsewhere."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def heading(self, text: str) -> None:
        print(f"\n{self._paint('1', text)}", flush=True)

    def line(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def command(self, text: str) -> None:
        print(f"\n{self._paint('2', '$')} {self._paint('1', text)}", flush=True)

    def timed(self, text: str) -> Timed:
        return Timed(self, text)

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


class Timed:
    """Says a sentence when its block ends, with the seconds that it took; `more` is put behind it."""

    def __init__(self, voice: Voice, text: str) -> None:
        self._voice = voice
        self._text = text
        self.more = ""

    def __enter__(self) -> Timed:
        self._began = time.monotonic()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            seconds = time.monotonic() - self._began
            more = f": {self.more}" if self.more else ""
            self._voice.line(f"{self._text}{more} ({seconds:.1f} s)")
