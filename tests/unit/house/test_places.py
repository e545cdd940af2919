"""Nothing that is tracked names one person's machine or one registry."""

from __future__ import annotations

import re

from tests.unit.house import tree

# Spelled in pieces, or this file would name them.
_HOSTS = ("py" + r"pi\.org", "python" + r"hosted\.org", "deb" + r"\.debian\.org", "snapshot" + r"\.debian\.org")
_PATHS = ("/work" + r"/(main|shared)\b", "/root" + "/", "/home" + r"/(?!me/)[a-z]", "/opt" + "/py", r"\.pyenv" + "/")
FOREIGN = re.compile("|".join((*_HOSTS, *_PATHS)))


def test_no_path_of_a_machine_and_no_registry_host() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in tree.files()
        if path.suffix not in {".png", ".gpg", ".zst", ".gz"}
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_a_planted_path_would_be_noticed() -> None:
    assert FOREIGN.search("see /root" + "/.config")
    assert FOREIGN.search("--index-url https://py" + "pi.org/simple")
