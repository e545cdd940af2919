"""What a CREATE TABLE of a dump holds that is quicker made after the rows: secondary indexes and foreign keys. Pure.

Only lines of which every word is known are taken out, and only of tables where that changes nothing in the end; any
other table is created as the dump says. `tests/system/engines/test_mariadb_two_sessions.py` compares the results.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from intendance.engines.mariadb.splitter import NAME
from intendance.model.frozen import dataclass

_CREATE = re.compile(rb"\ACREATE TABLE (" + NAME + rb") \(\n(.+)\n(\) ENGINE=InnoDB[^\n]*;)\Z", re.DOTALL)
_COLUMN = re.compile(rb"  (" + NAME + rb") [a-z]")
_PRIMARY = re.compile(rb"  PRIMARY KEY \((" + NAME + rb")[,)]")
_KEPT = re.compile(rb"  (?:FULLTEXT |SPATIAL |UNIQUE )?KEY |  CONSTRAINT " + NAME + rb" CHECK |  CHECK |  PRIMARY KEY ")
_STAYS = re.compile(rb"  (?:SPATIAL |UNIQUE )?KEY ")
_PARTS = rb"\((?:" + NAME + rb"(?:\(\d+\))?(?: ASC| DESC)?,?)+\)"
_KEY = re.compile(
    rb"  (?:UNIQUE )?KEY " + NAME + rb" " + _PARTS + rb"(?: USING BTREE)?(?: COMMENT '(?:[^'\\]|''|\\.)*')?\Z"
)
_FOREIGN = re.compile(
    rb"  CONSTRAINT " + NAME + rb" FOREIGN KEY \((?:" + NAME + rb"(?:, )?)+\) "
    rb"REFERENCES (" + NAME + rb") \((?:" + NAME + rb"(?:, )?)+\)"
    rb"(?: ON DELETE (?:CASCADE|SET NULL|NO ACTION|RESTRICT))?(?: ON UPDATE (?:CASCADE|SET NULL|NO ACTION|RESTRICT))?\Z"
)
# Columns that the server computes, and rows that it keeps by itself, are left to the order of the dump.
_COMPUTED = (b" GENERATED ALWAYS AS ", b"  PERIOD FOR ", b" INVISIBLE", b" WITHOUT SYSTEM VERSIONING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """A table made in steps: `create` before its rows, `indexes` (one statement, or empty) right after them,
    `foreign_keys` when every table has its indexes. Rows of one that is `parallel` may come by two sessions at once."""

    table: bytes
    create: bytes
    indexes: bytes = b""
    foreign_keys: bytes = b""
    parallel: bool = False


def creation(statement: bytes, deferred: Collection[bytes]) -> Creation | None:
    """The steps for a CREATE TABLE, where `deferred` are the quoted names of the tables whose indexes should wait; None
    when it is another statement."""
    name = re.match(rb"CREATE TABLE (" + NAME + rb") \(\n", statement)
    if name is None:
        return None
    plain = Creation(table=name[1], create=statement)
    found = _CREATE.match(statement)
    if found is None or b" WITH SYSTEM VERSIONING" in found[3]:
        return plain
    lines = [line.removesuffix(b",") for line in found[2].split(b"\n")]
    if any(_unknown(line) for line in lines):
        return plain
    parallel = name[1] in deferred and _keeps_its_order(lines)
    foreign = [line for line in lines if _waits_for_others(line, deferred, itself=parallel)]
    indexes = [line for line in lines if _KEY.match(line)] if parallel else []
    kept = [line for line in lines if line not in foreign and line not in indexes]
    return Creation(
        table=name[1],
        create=b"CREATE TABLE " + name[1] + b" (\n" + b",\n".join(kept) + b"\n" + found[3],
        indexes=_altering(name[1], indexes),
        foreign_keys=_altering(name[1], foreign),
        parallel=parallel,
    )


def _unknown(line: bytes) -> bool:
    known = _COLUMN.match(line) or _KEPT.match(line) or _FOREIGN.match(line)
    return known is None


def _keeps_its_order(lines: list[bytes]) -> bool:
    """Whether the primary key alone says where a row lies, the numbering of rows rests on it, and the other keys come
    back in their order: the server puts FULLTEXT keys last, any other that must stay would come first."""
    primary = next((found[1] for line in lines if (found := _PRIMARY.match(line))), None)
    if primary is None or any(mark in line for line in lines for mark in _COMPUTED):
        return False
    if any(_STAYS.match(line) and not _KEY.match(line) for line in lines):
        return False
    columns = [(found[1], line) for line in lines if (found := _COLUMN.match(line))]
    return all(name == primary for name, line in columns if b" AUTO_INCREMENT" in line)


def _waits_for_others(line: bytes, deferred: Collection[bytes], *, itself: bool) -> bool:
    found = _FOREIGN.match(line)
    return found is not None and (itself or found[1] in deferred)


def _altering(table: bytes, lines: list[bytes]) -> bytes:
    if not lines:
        return b""
    return b"ALTER TABLE " + table + b" " + b", ".join(b"ADD " + line.strip() for line in lines) + b";\n"
