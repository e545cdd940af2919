"""Unit files of systemd as the tests read them, and the system calls that their filters let through."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from tests.unit.house.tree import ROOT

UNITS = ROOT / "packaging/systemd"


@dataclass(frozen=True)
class Unit:
    """The lines of the section [Service], each name with its values in order."""

    name: str
    lines: dict[str, list[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The last value of this name, as systemd takes it; empty if there is none."""
        return self.lines.get(name, [""])[-1]

    def words(self, name: str) -> list[str]:
        return [word for value in self.lines.get(name, []) for word in value.split()]

    def environment(self) -> dict[str, str]:
        """What `Environment=` sets: one word each, in quotes where it holds blanks."""
        found = [re.findall(r'"([^"]*)"|(\S+)', value) for value in self.lines.get("Environment", [])]
        return dict((quoted or plain).split("=", 1) for pairs in found for quoted, plain in pairs)

    def command(self, line: str, given: dict[str, str]) -> list[str]:
        """The words of an `Exec…=` line: `${NAME}` is one word, `$NAME` as many as there are."""
        values = self.environment() | given
        found: list[str] = []
        for word in line.split():
            if word.startswith("$") and not word.startswith("${"):
                found += values[word[1:]].split()
            else:
                found.append(re.sub(r"\$\{(\w+)\}", lambda named: values[named[1]], word))
        return found

    def calls(self) -> set[str]:
        """The calls that the unit's filter lets through: each line adds, or with a tilde takes away, in its order."""
        found: frozenset[str] = frozenset()
        for line in self.lines["SystemCallFilter"]:
            groups = calls_of(tuple(line.removeprefix("~").split()))
            found = found - groups if line.startswith("~") else found | groups
        return set(found | calls_of(("@default",)))


def read_unit(name: str) -> Unit:
    """One of our units."""
    lines: dict[str, list[str]] = {}
    text = (UNITS / name).read_text().partition("[Service]")[2].partition("\n[")[0]
    for line in text.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            lines.setdefault(key, []).append(value)
    return Unit(name, lines)


@cache
def calls_of(groups: Sequence[str]) -> frozenset[str]:
    """The system calls in these groups, as systemd itself tells them."""
    found: set[str] = set()
    found |= {each for each in groups if not each.startswith("@")}
    pending = [each for each in groups if each.startswith("@")]
    while pending:
        words = ["systemd-analyze", "--no-pager", "syscall-filter", *pending]
        shown = subprocess.run(words, capture_output=True, text=True, check=True, timeout=180).stdout
        listed = [line.strip() for line in shown.splitlines() if line.startswith("    ") and "#" not in line]
        pending = [word for word in listed if word.startswith("@")]
        found |= {word for word in listed if not word.startswith("@")}
    return frozenset(found)
