"""A list that is too long for one page: which of its lines are shown, and where the others are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from intendance.language import sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass

PART = 100
"""Lines of a table on one page."""
_DIGITS = 6
"""A number of more is no part of any list of ours."""

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """The lines of one part. `told` says which of how many they are, and is empty where they are all; `before` and
    `after` are the addresses of the parts beside it, empty where there are none."""

    lines: tuple[T, ...]
    told: str = ""
    before: str = ""
    after: str = ""

    def drawn(self, draw: Callable[[T], U]) -> Part[U]:
        """The same part, each of its lines drawn."""
        return self.having(tuple(map(draw, self.lines)))

    def having(self, lines: tuple[U, ...]) -> Part[U]:
        """The same part, with what its lines were read to be."""
        return Part(lines=lines, told=self.told, before=self.before, after=self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What is well and not drawn: how much of it, and where it is."""

    told: str
    href: str


def part_of(lines: Sequence[T], number: int, href: Callable[[int], str], _: Translator, *, size: int = PART) -> Part[T]:
    """A part of a list, counted from 1; the last one for a number that is too large."""
    number = min(max(number, 1), max(1, -(-len(lines) // size)))
    begin = (number - 1) * size
    return cut(lines[begin : begin + size], number, len(lines), href, _, size=size)


def cut(
    lines: Sequence[T], number: int, count: int, href: Callable[[int], str], _: Translator, *, size: int = PART
) -> Part[T]:
    """A part of a list of `count`, of which nothing else was read."""
    last, begin, shown = max(1, -(-count // size)), (number - 1) * size, tuple(lines)
    told = _("{first} to {last} of {n}").format(
        first=sizes.number(begin + 1, _.language),
        last=sizes.number(begin + len(shown), _.language),
        n=sizes.number(count, _.language),
    )
    return Part(
        lines=shown,
        told=told if last > 1 else "",
        before=href(number - 1) if number > 1 else "",
        after=href(number + 1) if number < last else "",
    )


def number_in(asked: str) -> int:
    """Which part an address asks for; the first where it asks for none that can be."""
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _DIGITS else 1
