"""The mark of a machine: the same for it and a purpose, its id nowhere in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.system.machine_mark import machine_mark

ID = "0123456789abcdef0123456789abcdef"


def test_it_is_that_of_the_machine_and_the_purpose(tmp_path: Path) -> None:
    place = tmp_path / "machine-id"
    place.write_text(ID + "\n")
    mark = machine_mark("asbl", [tmp_path / "none", place])
    assert len(mark) == 32
    assert mark not in ("", ID)
    assert mark == machine_mark("asbl", [place])
    assert mark != machine_mark("other", [place])
    place.write_text(ID[::-1] + "\n")
    assert mark != machine_mark("asbl", [place])


@pytest.mark.parametrize("content", [None, "", "\n", "uninitialized\n"])
def test_a_machine_without_an_id_has_none(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "machine-id"
    if content is not None:
        place.write_text(content)
    assert machine_mark("asbl", [place]) == ""
