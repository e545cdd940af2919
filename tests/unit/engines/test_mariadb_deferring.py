"""What of a CREATE TABLE waits for the rows."""

from __future__ import annotations

import pytest

from intendance.engines.mariadb.deferring import Creation, creation

TABLE = rb"""CREATE TABLE `a``b` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `t` varchar(9) DEFAULT 'KEY `x` (`t`),' COMMENT 'it''s, \' so',
  `o` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `u,(` (`t`(3) DESC,`o`),
  KEY `o` (`o`) USING BTREE COMMENT 'a, b'';',
  FULLTEXT KEY `f` (`t`),
  CONSTRAINT `fk` FOREIGN KEY (`o`, `id`) REFERENCES `other` (`x`, `y`) ON DELETE SET NULL ON UPDATE NO ACTION,
  CONSTRAINT `CONSTRAINT_1` CHECK (`o` > 3)
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT=';';"""
NAME = b"`a``b`"


def made(statement: bytes, *deferred: bytes) -> Creation:
    found = creation(statement, deferred)
    assert found is not None
    return found


def test_keys_and_foreign_keys_wait_and_nothing_else() -> None:
    steps = made(TABLE, NAME)
    assert steps.parallel
    assert steps.table == NAME
    assert steps.indexes == (
        b"ALTER TABLE `a``b` ADD UNIQUE KEY `u,(` (`t`(3) DESC,`o`), ADD KEY `o` (`o`) USING BTREE COMMENT 'a, b'';';\n"
    )
    assert steps.foreign_keys == (
        b"ALTER TABLE `a``b` ADD CONSTRAINT `fk` FOREIGN KEY (`o`, `id`) REFERENCES `other` (`x`, `y`) "
        b"ON DELETE SET NULL ON UPDATE NO ACTION;\n"
    )
    waiting = (b"  UNIQUE KEY", b"  KEY `o`", b"  CONSTRAINT `fk`")
    lines = [line for line in TABLE.split(b"\n") if not line.startswith(waiting)]
    assert steps.create == b"\n".join(lines)


def test_a_table_without_anything_to_defer_is_as_it_was() -> None:
    plain = b"CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB;"
    assert made(plain, b"`t`") == Creation(table=b"`t`", create=plain, parallel=True)


def test_a_small_table_keeps_its_keys_and_waits_only_for_what_its_foreign_keys_need() -> None:
    assert made(TABLE) == Creation(table=NAME, create=TABLE)
    steps = made(TABLE, b"`other`")
    assert (steps.parallel, steps.indexes) == (False, b"")
    assert b"FOREIGN" not in steps.create
    assert b"FOREIGN" in steps.foreign_keys


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ENGINE=InnoDB", b"ENGINE=MyISAM"),
        (b"COMMENT=';';", b"COMMENT=';'\n PARTITION BY HASH (`id`)\nPARTITIONS 3;"),
        (b"COMMENT=';';", b"WITH SYSTEM VERSIONING;"),
        (b"  PRIMARY KEY (`id`),\n", b""),
        (b"  PRIMARY KEY (`id`),\n", b"  PRIMARY KEY (`o`,`id`),\n"),
        (b"  KEY `o` (`o`) USING BTREE COMMENT 'a, b'';',\n", b"  KEY `o` (`o`) IGNORED,\n"),
        (b"  KEY `o` (`o`) USING BTREE COMMENT 'a, b'';',\n", b"  UNIQUE KEY `o` (`t`) USING HASH,\n"),
        (b"  FULLTEXT KEY", b"  SPATIAL KEY"),
        (b"  FULLTEXT KEY", b"  SOMETHING NEW"),
        (b"int(11) DEFAULT NULL", b"int(11) GENERATED ALWAYS AS (`id` * 2) VIRTUAL"),
    ],
)
def test_what_is_not_known_to_change_nothing_is_loaded_plainly(old: bytes, new: bytes) -> None:
    statement = TABLE.replace(old, new)
    assert statement != TABLE
    steps = made(statement, NAME)
    assert not steps.parallel
    assert steps.indexes == b""


def test_other_statements_create_no_table() -> None:
    for statement in (b"DROP TABLE `t`;", b"CREATE TABLE t (a INT);", b"CREATE VIEW `t` AS SELECT 1;"):
        assert creation(statement, [b"`t`"]) is None
