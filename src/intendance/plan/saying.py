"""What is said of a plan, in the reader's language: English stands in the code and is the key of its French. Pure.

The French stands in `language/locale/fr/LC_MESSAGES/plan_said.po`; a test compares it with the calls of `say`,
`counted` and `told` in this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from intendance.catalogue import quantities
from intendance.language import sizes
from intendance.language.texts import Language, Translator
from intendance.model.frozen import dataclass

DOMAIN = "plan_said"
ENGLISH = Translator("en")


@dataclass(frozen=True, slots=True)
class Names:
    """Words that are listed: `a`, `b` or `c`; `and` instead of `or` where all of them are meant."""

    words: tuple[str, ...]
    last: str = "or"

    def write(self, _: Translator) -> str:
        if len(self.words) < 2:
            return "".join(self.words)
        last = {"or": _(" or "), "and": _(" and ")}[self.last]
        return ", ".join(self.words[:-1]) + last + self.words[-1]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a rule bounds: people read its name, machines its code."""

    code: str

    def write(self, _: Translator) -> str:
        return quantities.name(self.code, _.language)


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes: people read `1.5 GiB`, machines the number."""

    count_bytes: int

    def write(self, _: Translator) -> str:
        return sizes.size(self.count_bytes, _.language)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, or a part of one: its English template and what fills it. `many` is the template of another count."""

    text: str
    params: tuple[tuple[str, str | int | Names | Quantity | Size | Said], ...] = ()
    many: str = ""
    count: int = 0

    def write(self, _: Translator) -> str:
        """The sentence in the translator's language."""
        template = _.plural(self.text, self.many, self.count) if self.many else _(self.text)
        if not self.params:  # it may hold braces of its own
            return template
        return template.format(**{name: _written(value, _) for name, value in self.params})

    def masked(self, mask: Callable[[str], str]) -> Said:
        """The same with `mask` laid on every text that fills it."""
        filled = [(name, _masked(value, mask)) for name, value in self.params]
        return Said(self.text, tuple(filled), self.many, self.count)

    def __str__(self) -> str:
        return self.write(ENGLISH)


Param = str | int | Names | Quantity | Size | Said


def say(text: str, **params: Param) -> Said:
    """A sentence. `text` is a literal: it is the key of the French."""
    return Said(text, tuple(params.items()))


def counted(one: str, many: str, count: int, **params: Param) -> Said:
    """A sentence that depends on a count, which it has as `{n}`."""
    return Said(one, (("n", count), *params.items()), many, count)


def verbatim(text: str) -> Said:
    """What is the same in every language: code, or what a program said."""
    return Said("{text}", (("text", text),))


def quoted(words: Iterable[str], last: str = "or") -> Names:
    """Words listed, each as code."""
    return Names(tuple(f"`{word}`" for word in words), last)


def plain(params: Iterable[tuple[str, Param]], language: Language = "en") -> dict[str, str | int | list[str]]:
    """Parameters for machines: lists as lists, sentences as English, what names code without its backquotes."""
    _ = Translator(language)
    found: dict[str, str | int | list[str]] = {}
    for name, value in params:
        match value:
            case Said():
                found |= plain(value.params) if name != "text" else {name: value.write(_)}
            case Names(words):
                found[name] = [word.strip("`") for word in words]
            case Quantity(code):
                found[name] = code
            case Size(count_bytes):
                found[name] = count_bytes
            case _:
                found[name] = value
    return found


def _written(value: Param, _: Translator) -> str:
    match value:
        case Names() | Quantity() | Size() | Said():
            return value.write(_)
        case int():
            return sizes.number(value, _.language)
        case _:
            return value


def _masked(value: Param, mask: Callable[[str], str]) -> Param:
    match value:
        case Said():
            return value.masked(mask)
        case str():
            return mask(value)
        case _:
            return value
