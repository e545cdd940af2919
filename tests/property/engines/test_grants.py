"""Patterns of databases in grants against a slow, obvious reading of LIKE."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intendance.engines.mariadb import privileges

NAMES = st.text(alphabet="ab_%\\", min_size=1, max_size=6)


def _like(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "\\" and len(pattern) > 1:
        return name[:1] == pattern[1] and _like(pattern[2:], name[1:])
    if pattern[0] == "%":
        return any(_like(pattern[1:], name[start:]) for start in range(len(name) + 1))
    return bool(name) and pattern[0] in ("_", name[0]) and _like(pattern[1:], name[1:])


@given(pattern=NAMES, name=NAMES)
def test_a_grant_reaches_what_like_matches(pattern: str, name: str) -> None:
    (grant,) = privileges.parse([f"GRANT SELECT ON `{pattern}`.* TO `u`@`%`"])
    assert privileges.has([grant], "SELECT", name) == _like(pattern, name)


@given(name=st.text(min_size=1, max_size=20).filter(lambda name: "\n" not in name))
def test_the_statement_that_is_advised_reaches_exactly_that_database(name: str) -> None:
    (statement,) = privileges.missing(privileges.parse(["GRANT SELECT ON `mysql`.`proc` TO `u`@`%`"]), "u@%", [name])
    given_ = privileges.parse([statement.rstrip(";")])
    assert all(privileges.has(given_, right, name) for right in privileges.PER_DATABASE)
    assert not privileges.has(given_, "SELECT", name + "x")
