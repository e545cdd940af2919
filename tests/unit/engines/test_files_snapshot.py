"""tar's notes: read, made ready for a differential, refused when they are not such notes."""

from __future__ import annotations

import pytest

from intendance.engines.files import snapshot, tar
from intendance.engines.files.excludes import Excludes

NOTES = (
    b"GNU tar-1.34-2\n100\x005\x00"
    b"0\x001\x002\x0065024\x0077\x00.\x00Da\x00Nold\x00Ynew\x00\x00\x00"
    b"0\x001\x002\x0065024\x0078\x00./a\x00Yx.log\x00Yodd\nname\xff\x00\x00\x00"
)


def test_a_differential_gets_an_earlier_moment_and_no_device() -> None:
    expected = NOTES.replace(b"\n100\x00", b"\n98\x00").replace(b"65024", b"0")
    assert snapshot.for_differential(snapshot.parse(NOTES)) == expected
    assert snapshot.root_inode(snapshot.parse(NOTES)) == 77


def test_names_are_counted_without_folders_and_what_is_left_out() -> None:
    assert snapshot.count_names(NOTES, Excludes(())) == 4
    assert snapshot.count_names(NOTES, Excludes(("*.log",))) == 3
    assert snapshot.count_names(NOTES, Excludes(("./old",))) == 3
    with pytest.raises(snapshot.SnapshotUnreadable):
        snapshot.count_names(b"", Excludes(()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GNU tar-1.34-1\n1\x001\x00",
        NOTES[:-1],
        NOTES[:-2],
        NOTES[:60],
        b"GNU tar-1.34-2\nx\x00y\x00",
        NOTES.replace(b"Da\x00", b"\x00"),
        NOTES.replace(b"65024\x0078", b"65024\x00"),
        NOTES.replace(b"Ynew\x00", b"Ynew\x00\x00"),
    ],
)
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises(snapshot.SnapshotUnreadable):
        snapshot.parse(content)


def test_a_folder_that_tar_takes_for_a_renamed_one_is_heard() -> None:
    said = tar.Said()
    said.hear(b'tar: "./b": Directory has been renamed from "./a"\n')
    said.hear(b'tar: "./c": Directory has been renamed\n')
    assert (said.moved, said.errors) == ([b"./b"], [])
