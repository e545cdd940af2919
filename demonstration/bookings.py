"""The book of rooms: who has which room when, and who holds its key, in the SQLite file of a small program.

The same at every run. Nobody in it is a person: names are drawn from lists of common ones.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from demonstration import words

SEED = 20261122
BOOKINGS = 24_000
ROOMS = (
    ("Grande salle", 180, 4500), ("Salle des tilleuls", 40, 1800), ("Atelier", 16, 1200), ("Cuisine", 12, 2500),
    ("Bibliothèque", 24, 900), ("Studio de musique", 8, 1500), ("Salle du conseil", 14, 1000), ("Jardin", 90, 0),
)  # fmt: skip
PURPOSES = ("répétition", "réunion", "cours de français", "fête de famille", "repas partagé", "atelier couture",
            "permanence sociale", "assemblée générale", "conférence", "garderie")  # fmt: skip

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA foreign_keys = ON;
CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seats INTEGER NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE bookings (
  id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES rooms (id), booked_by TEXT NOT NULL, purpose TEXT NOT NULL,
  begins TEXT NOT NULL, hours INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 12), cents INTEGER NOT NULL, remark TEXT
);
CREATE INDEX bookings_of_a_room ON bookings (room, begins);
CREATE TABLE handed_keys (booking INTEGER PRIMARY KEY REFERENCES bookings (id), handed TEXT NOT NULL, returned TEXT)
  WITHOUT ROWID;
CREATE VIEW income AS
  SELECT substr(begins, 1, 4) AS year, rooms.name, count(*) AS bookings, sum(bookings.cents) AS cents
  FROM bookings JOIN rooms ON rooms.id = room GROUP BY 1, 2;
"""


def build(file: Path, *, size: float = 1.0) -> None:
    """Write the database; complete or not at all."""
    if file.exists():
        return
    file.parent.mkdir(exist_ok=True)
    draft = file.with_name(file.name + ".draft")
    for companion in ("", "-wal", "-shm"):
        draft.with_name(draft.name + companion).unlink(missing_ok=True)
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO rooms (name, seats, cents) VALUES (?, ?, ?)", ROOMS)
        for booking, key in _bookings(round(BOOKINGS * size)):
            connection.execute("INSERT INTO bookings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", booking)
            if key is not None:
                connection.execute("INSERT INTO handed_keys VALUES (?, ?, ?)", key)
        connection.execute("COMMIT")
    draft.rename(file)  # whoever closes a database last takes its -wal away


def _bookings(count: int) -> Iterator[tuple[tuple[object, ...], tuple[object, ...] | None]]:
    rng = random.Random(SEED)
    begin = datetime(2019, 1, 7)  # noqa: DTZ001 -- the book holds local time, as people write it
    for number in range(1, count + 1):
        begin += timedelta(minutes=rng.randrange(1, 280))
        room = rng.randrange(len(ROOMS))
        hours = rng.choice((1, 2, 2, 3, 3, 4, 8))
        at = begin.replace(hour=rng.randrange(8, 21), minute=rng.choice((0, 30)))
        who = f"{rng.choice(words.FIRST_NAMES)} {rng.choice(words.LAST_NAMES)}"
        remark = rng.choice((None, None, None, "clé chez la voisine", "à régler sur place", "tables en U"))
        booking = (number, room + 1, who, rng.choice(PURPOSES), f"{at:%Y-%m-%d %H:%M}", hours, hours * ROOMS[room][2])
        returned = f"{at + timedelta(hours=hours):%Y-%m-%d %H:%M}" if number < count - 20 else None
        yield (*booking, remark), (number, f"{at:%Y-%m-%d %H:%M}", returned) if rng.random() < 0.7 else None
