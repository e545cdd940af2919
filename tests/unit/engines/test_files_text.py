"""The pure parts of the files engine: what tar says, and what its patterns match."""

from __future__ import annotations

import pytest

from intendance.engines.files import tar
from intendance.engines.files.excludes import Excludes


def _heard(*lines: bytes) -> tar.Said:
    said = tar.Said()
    for line in lines:
        said.hear(line)
    return said


def test_each_kind_of_message_finds_its_place() -> None:
    said = _heard(
        b'/usr/bin/tar: "./a": file changed as we read it\n',
        b'tar: "./b": File shrank by 10 bytes; padding with zeros\n',
        b'tar: "./b": file changed as we read it\n',
        b'tar: "./c": File removed before we read it\n',
        b'tar: "./s": socket ignored\n',
        b'tar: "./mnt/": file is on a different filesystem; not dumped\n',
        b'tar: "./secret": Cannot open: Permission denied\n',
        b'tar: "./x": Warning: Cannot llistxattr: Operation not supported\n',
        b"Total bytes written: 30720 (30KiB, 57MiB/s)\n",
        b"tar: Exiting with failure status due to previous errors\n",
    )
    assert said.changed == [b"./a", b"./b"]
    assert said.vanished == [b"./c"]
    assert said.sockets == 1
    assert said.mounts == [b"./mnt/"]
    assert said.errors == [(b"./secret", "Cannot open: Permission denied")]
    assert said.archive_bytes == 30720


def test_a_name_cannot_pretend_to_be_a_message() -> None:
    said = _heard(b'tar: "./x\\": socket ignored\\n": file changed as we read it\n')
    assert said.changed == [b'./x": socket ignored\n']
    assert said.sockets == 0


def test_names_are_unquoted_to_bytes() -> None:
    assert tar.unquoted(rb"./odd\n\377 \"name\\\303\251") == b'./odd\n\xff "name\\\xc3\xa9'


def test_names_are_shown_without_control_characters() -> None:
    assert tar.shown(b"./a\n\x1b[31m\xff") == "a\\n\\x1b[31m\\xff"


def test_the_list_of_changed_names_is_bounded() -> None:
    said = _heard(*(b'tar: "./%d": file changed as we read it\n' % number for number in range(tar.KEPT_NAMES + 5)))
    assert len(said.changed) == tar.KEPT_NAMES
    assert said.more_changed == 5


def test_a_listing_is_counted() -> None:
    listing = tar.read_listing(
        [
            b'drwxr-xr-x  0/0               0 2026-11-22 00:07 "./"\n',
            b'-rw-r--r--  0/0              17 2026-11-22 00:07 "./a 99 1"\n',
            b'hrw-r--r--  0/0               0 2026-11-22 00:07 "./b" link to "./a"\n',
            b'lrwxrwxrwx  0/0               0 2026-11-22 00:07 "./l" -> "a"\n',
            b'crw-r--r--  0/0             1,3 2026-11-22 00:07 "./null"\n',
            b'prw-r--r--  0/0               0 2026-11-22 00:07 "./p"\n',
        ]
    )
    assert listing.details() == {
        "directories": 1, "files": 1, "hard_links": 1, "symlinks": 1, "others": 2, "bytes": 17,
            "devices": 1, "setuid": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.log", "./a/b/x.log", True),
        ("*.log", "./x.logs", False),
        ("cache/*", "./cache", False),
        ("cache/*", "./cache/x", True),
        ("cache/*", "./a/cache/b/c", True),
        ("./cache", "./cache", True),
        ("./cache", "./a/cache", False),
        ("cache", "./a/cache", True),
        ("cache", "./a/mycache", False),
        ("a?c", "./abc", True),
        ("a?c", "./a/c", True),
        ("[!a]x", "./bx", True),
        ("[!a]x", "./ax", False),
        ("[]x]y", "./]y", True),
        ("[[:digit:]]*", "./7up", True),
        ("[a", "./[a", True),
        (r"\*", "./*", True),
        (r"\*", "./x", False),
        ("*\\", "./\\", False),
        ("a\\", "./a\\", True),
    ],
)
def test_patterns_match_as_tar_reads_them(pattern: str, path: str, matches: bool) -> None:
    assert Excludes([pattern]).match(path) is matches


def test_a_pattern_that_ends_with_a_slash_is_told_to_be_idle() -> None:
    assert Excludes(["cache/", "logs/*"]).idle() == ("cache/",)


def test_no_pattern_matches_nothing() -> None:
    assert not Excludes([]).match("./a")
