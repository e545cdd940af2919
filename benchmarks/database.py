"""The database of `./dev bench mariadb`: members, gifts, letters and papers, the same on every machine.

Made once for each size, by the server itself from fixed seeds, and kept as a data directory.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from intendance.engines.private_mariadb import PrivateServer, ServerSizes

NAME = "crud_asbl_ong"
FULL_MIB = 1536
BUILDING = ServerSizes(buffer_pool_mib=1024, redo_log_mib=512)
_SEED = 20261122
_ROWS = {"members": 300_000, "gifts": 2_200_000, "letters": 560_000, "papers": 9_000}
"""For FULL_MIB of files."""

_TABLES = """
CREATE TABLE members (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, email VARCHAR(120) NOT NULL,
  name VARCHAR(80) NOT NULL, city VARCHAR(60) NOT NULL, born DATE, joined DATETIME NOT NULL, notes TEXT,
  UNIQUE KEY email (email), KEY name (name), KEY city (city, joined));
CREATE TABLE gifts (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, member INT UNSIGNED NOT NULL,
  campaign SMALLINT NOT NULL, amount DECIMAL(12,2) NOT NULL, paid_at DATETIME NOT NULL, reference CHAR(20) NOT NULL,
  UNIQUE KEY reference (reference), KEY member (member, paid_at), KEY campaign (campaign, amount),
  KEY paid_at (paid_at),
  CONSTRAINT gift_member FOREIGN KEY (member) REFERENCES members (id));
CREATE TABLE letters (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, member INT UNSIGNED NOT NULL,
  subject VARCHAR(120) NOT NULL, body TEXT NOT NULL, sent_at DATETIME NOT NULL,
  KEY member (member, sent_at), KEY subject (subject), KEY sent_at (sent_at),
  CONSTRAINT letter_member FOREIGN KEY (member) REFERENCES members (id));
CREATE TABLE papers (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, member INT UNSIGNED NOT NULL,
  name VARCHAR(80) NOT NULL, content MEDIUMBLOB NOT NULL, KEY member (member));
"""


class Made:
    """SQL expressions that differ from row to row, each with a seed of its own."""

    def __init__(self) -> None:
        self._chance = random.Random(_SEED)
        letters = "etaoinshrdlcumwfgypbvk"
        words = ["".join(self._chance.choices(letters, k=self._chance.randint(2, 11))) for _ in range(400)]
        self._words = _listed(words[:120])
        self._phrases = _listed([" ".join(self._chance.choices(words, k=3)) for _ in range(600)])

    def number(self, below: int) -> str:
        return f"FLOOR(RAND({self._chance.randrange(1 << 30)})*{below})"

    def words(self, count: int) -> str:
        return f"CONCAT_WS(' ',{','.join(f'ELT(1+{self._often(120)},{self._words})' for _ in range(count))})"

    def phrases(self, count: int) -> str:
        return f"CONCAT_WS(' ',{','.join(f'ELT(1+{self._often(600)},{self._phrases})' for _ in range(count))})"

    def _often(self, below: int) -> str:
        """A number below; the square of a chance, because words have a natural frequency."""
        return f"FLOOR(POW(RAND({self._chance.randrange(1 << 30)}),2)*{below})"

    def moment(self) -> str:
        return f"'2012-01-01' + INTERVAL {self.number(440_000_000)} SECOND"


def _listed(texts: list[str]) -> str:
    return ",".join(f"'{text}'" for text in texts)


def _filling(counts: dict[str, int]) -> list[str]:
    made = Made()
    members = counts["members"]
    # Scanned papers do not compress: text that was encrypted does not either.
    scanned = ",".join(f"{made.phrases(12)},SHA2(CONCAT({part},seq),512)" for part in range(25))
    values = {
        "members": f"CONCAT(MD5(seq), '@example.org'), {made.words(2)}, {made.words(1)}, "
        f"'1930-01-01' + INTERVAL {made.number(30_000)} DAY, {made.moment()}, {made.words(12)}",
        "gifts": f"1+{made.number(members)}, {made.number(400)}, {made.number(50_000)}/100, {made.moment()}, "
        f"LEFT(MD5(CONCAT('g',seq)),20)",
        "letters": f"1+{made.number(members)}, {made.words(5)}, {made.phrases(37)}, {made.moment()}",
        "papers": f"1+{made.number(members)}, {made.words(2)}, AES_ENCRYPT(CONCAT({scanned}), 'k')",
    }
    columns = {
        "members": "email,name,city,born,joined,notes",
        "gifts": "member,campaign,amount,paid_at,reference",
        "letters": "member,subject,body,sent_at",
        "papers": "member,name,content",
    }
    return [
        f"INSERT INTO {table} ({columns[table]}) SELECT {drawn} FROM {NAME}.seq_1_to_{counts[table]}"
        for table, drawn in values.items()
    ]


def rows(mib: int) -> dict[str, int]:
    """How many rows each table has."""
    return {table: max(100, count * mib // FULL_MIB) for table, count in _ROWS.items()}


def make(folder: Path, mib: int) -> Path:
    """The data directory of about `mib` MiB under `folder`, made when it is not there whole."""
    data, whole = folder / f"database-{mib}", folder / f"database-{mib}.whole"
    if whole.exists():
        return data
    shutil.rmtree(data, ignore_errors=True)  # of a run that was broken off
    server = PrivateServer(data, sizes=BUILDING)
    server.create()
    server.start()
    try:
        server.execute(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
        server.execute(f"SET NAMES utf8mb4; {_TABLES}", database=NAME)
        for statement in _filling(rows(mib)):
            server.execute(f"SET foreign_key_checks=0; {statement}", database=NAME, deadline_seconds=900)
        server.execute("ANALYZE TABLE members, gifts, letters, papers", database=NAME)
    finally:
        server.stop()
    whole.touch()
    return data
