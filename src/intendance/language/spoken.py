"""What errors and findings say, in the reader's language.

They are written and recorded in English. Their French stands in `errors.po` and `error_parts.po` under the English
template, and a sentence that was recorded finds its template by its words: so what fills it is kept, what it nests is
told too, and a record of any age reads in both languages. What is not ours, such as the words of a program, is quoted
as it is.
"""

from __future__ import annotations

import re
from dataclasses import field
from datetime import date, datetime
from functools import cache
from typing import Literal, Protocol, runtime_checkable

from intendance.language import dates
from intendance.language.texts import translator
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass

Language = Literal["fr", "en"]

DOMAINS = ("errors", "error_parts", "plan_said", "usage")
_HOLE = re.compile(r"\{(\w+)\}")
_PLACED = re.compile(r"(^|.{2}|^.)\{(\w+)\}", re.DOTALL)
_FEWEST_LETTERS = 4
"""A template with fewer letters of its own would fit what it does not say."""
_DEEPEST = 4
_FIGURES = frozenset({"n"})
_NESTED = frozenset({"detail", "fault", "message", "why"})
"""Parameters that hold a sentence, of ours or of a program: it loses its full stop, and a program's is quoted."""
_SINGLE_WORDS = frozenset({"kind", "state", "severity", "operation", "recipient", "detail"})
"""Parameters in which a single word of ours may stand; elsewhere it is a name."""
_TYPED = "known"
"""The parameter that lists what may be typed: names and words of the plan, the same in every language."""
_SIZE = re.compile(r"(?P<figure>\d+(?:\.\d)?) (?P<unit>bytes?|[KMGTP]iB)", re.ASCII)
_LENGTH = re.compile(r"\d+\u00a0d(\u00a0\d+\u00a0h)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
_TO_TYPE = re.compile(r"`[^`]*`")
"""What was typed, or may be: no day or instant in it is written otherwise."""
_IN_QUOTES = re.compile(r"«\u00a0\{(\w+)\}\u00a0»")
"""Holes that the reader's language puts in quotation marks itself."""
_LISTED = re.compile(r"(?P<first>[^\s,;]+(?:, [^\s,;]+)*) (?P<joint>and|or) (?P<last>[^\s,;]+)")
_OPENING = re.compile(r"(?:L[ae’]|Les|Un|Une|Ce|C’est|Cette|Il|Aucune?|Rien|Quelque|Quelqu’un|Votre|Vos)(?=[\s\w])")
_QUOTED = re.compile(r"'[^']*'(?:(?:, | / )'[^']*')*")
_JOINTS = {"and": "et", "or": "ou"}


@runtime_checkable
class Tellable(Protocol):
    """What fills a sentence and is told by who knows its words; English as a text."""

    def tell(self, language: Language) -> str:
        """The same in a language."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with holes, in English and in the reader's language; `mark` is its longest run of words."""

    english: str
    told: str
    mark: str

    def pattern(self) -> re.Pattern[str]:
        """What fits it, each hole as a named group; a hole that stands twice holds the same."""
        found: set[str] = set()
        pieces = []
        for at, piece in enumerate(_HOLE.split(self.english)):
            if at % 2 == 0:
                pieces.append(re.escape(_unescaped(piece)))
            elif piece in found:
                pieces.append(f"(?P={piece})")
            else:
                found.add(piece)
                pieces.append(f"(?P<{piece}>{'[-0-9.,]+' if piece in _FIGURES else '.+?'})")
        return re.compile("".join(pieces), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sayings:
    """All that is said of errors, by its English: `whole` without holes, `open` with them, the longest first."""

    whole: dict[str, str]
    open: tuple[Template, ...]
    by_english: dict[str, str] = field(default_factory=dict)

    def told(self, text: str, depth: int = 0) -> str | None:
        """The sentence in the reader's language; None when it is not ours."""
        if depth > _DEEPEST or not text.strip():
            return None
        found = self.whole.get(text) or self.whole.get(text[:1].upper() + text[1:]) or _figure(text)
        found = found or self._filled(text, depth) or self._stopped(text, depth) or self._begun(text, depth)
        return found or self._pieces(text, depth)

    def fill(self, told: str, params: dict[str, object], depth: int = 0) -> str:
        """A template of the reader's language with its parameters, each told if it is ours."""
        within = {name for before, name in _PLACED.findall(told) if before not in ("", ". ", "? ", "! ")}
        quoted = set(_IN_QUOTES.findall(told))
        typed = set(_HOLE.findall(" ".join(_TO_TYPE.findall(told))))
        values = {
            name: value
            if name in typed and _date(str(value)) is not None
            else self._value(name, value, depth, within=name in within, quoted=name in quoted)
            for name, value in params.items()
        }
        return told.format(**values)

    def _filled(self, text: str, depth: int) -> str | None:
        for each in self.open:
            if each.mark not in text:
                continue
            # A full stop that the template does not have is not of what fills its last hole.
            beyond = text.endswith(".") and not each.english.endswith(".")
            fits = each.pattern().fullmatch(text[:-1] if beyond else text)
            if fits is not None:
                said = self.fill(each.told, dict(fits.groupdict()), depth + 1)
                return f"{said}." if beyond and not said.endswith(".") else said
        return None

    def _stopped(self, text: str, depth: int) -> str | None:
        """The same with a full stop more or less than its template has."""
        if text.endswith("."):
            found = self.told(text[:-1], depth + 1)
            return None if found is None else f"{found}."
        found = self.whole.get(f"{text}.") or self._filled(f"{text}.", depth)
        return None if found is None else found.removesuffix(".")

    def _begun(self, text: str, depth: int) -> str | None:
        """The same with a capital that its template does not have."""
        if not text[:1].isupper():
            return None
        small = text[:1].lower() + text[1:]
        found = self.whole.get(small) or self._filled(small, depth)
        return None if found is None else found[:1].upper() + found[1:]

    def _pieces(self, text: str, depth: int) -> str | None:
        """Several sentences in a row, or a sentence and what it is about."""
        for joint, said in (("; ", "\u202f; "), (": ", "\u00a0: "), (", ", ", ")):
            pieces = text.split(joint)
            told = [self.told(piece, depth + 1) for piece in pieces] if len(pieces) > 1 else []
            # What a program said stays whole: beside what is ours, only names may stand that no template knows.
            if not any(
                new is not None and (" " in old or joint != ", ") for new, old in zip(told, pieces, strict=False)
            ):
                continue
            if not any(new is None and " " in old for new, old in zip(told, pieces, strict=True)):
                return said.join(new or old for new, old in zip(told, pieces, strict=True))
        return None

    def _value(self, name: str, value: object, depth: int, *, within: bool, quoted: bool) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, Tellable):
            return value.tell("fr")
        text = str(value)
        if _QUOTED.fullmatch(text):
            return text.replace("'", "`")
        if name == _TYPED:
            return self.whole.get(text, text) if " " in text else text
        if " " not in text and name not in _SINGLE_WORDS:
            return _figure(text) or text
        nested = name in _NESTED and not quoted
        text = self.sentence(text, depth + 1) if nested else self.told(text, depth + 1) or _list(text) or text
        return _continued(text) if within else text

    def sentence(self, text: str, depth: int = 0) -> str:
        """A sentence without its full stop; what is not ours stands in quotation marks."""
        bare = text.rstrip(". ") or text
        found = self.told(bare, depth)
        if found is not None:
            return found.removesuffix(".")
        return f"«\u00a0{bare}\u00a0»" if " " in bare else bare


def _continued(text: str) -> str:
    """A sentence of ours that goes on from what stands before it."""
    return text[0].lower() + text[1:] if _OPENING.match(text) else text


def _list(text: str) -> str | None:
    """Names in a row."""
    fits = _LISTED.fullmatch(text)
    return None if fits is None else f"{fits['first']} {_JOINTS[fits['joint']]} {fits['last']}"


@cache
def _sayings(language: Language) -> Sayings:
    """Read when first something is told in that language, and never for English."""
    found = translator(language, *DOMAINS).single
    templates = []
    for english, said in found.items():
        literals = list(map(_unescaped, _HOLE.split(english)[::2]))
        if len(literals) > 1 and sum(map(str.isalpha, "".join(literals))) >= _FEWEST_LETTERS:
            templates.append((sum(map(len, literals)), Template(english, said, max(literals, key=len))))
    templates.sort(key=lambda each: -each[0])
    whole = {_unescaped(english): _unescaped(said) for english, said in found.items() if not _HOLE.search(english)}
    return Sayings(whole, tuple(each for _length, each in templates), dict(found))


def told(text: str, language: Language) -> str:
    """A sentence of ours that was written in English; what is not ours comes back as it is."""
    return text if language == "en" else _sayings(language).told(text) or text


def part(text: str, language: Language, *, within: bool = True) -> str:
    """The same without its full stop, `within` another sentence or alone; in quotation marks when it is not ours."""
    if language == "en":
        return text.rstrip(". ")
    found = _sayings(language).sentence(text)
    return _continued(found) if within else found


def message_of(error: IntendanceError, language: Language) -> str:
    """What an error says."""
    return _written(error, type(error).__doc__ or "", error.message, language)


def advice_of(error: IntendanceError, language: Language) -> str:
    """What to do about an error; empty when nothing is."""
    return _written(error, type(error).next_step, error.advice, language)


def _written(error: IntendanceError, template: str, english: str, language: Language) -> str:
    if language == "en" or not english:
        return english
    sayings = _sayings(language)
    found = sayings.by_english.get(template.strip())
    return told(english, language) if found is None else sayings.fill(found, error.params)


def _unescaped(template: str) -> str:
    return template.replace("{{", "{").replace("}}", "}")


def _figure(text: str) -> str | None:
    """A size, a length of time, a day or an instant as French writes it."""
    size = _SIZE.fullmatch(text)
    if size is not None:
        unit = size["unit"].replace("iB", "io").replace("byte", "octet")
        return f"{size['figure'].replace('.', ',')}\u00a0{unit}"
    return text.replace("\u00a0d", "\u00a0j") if _LENGTH.fullmatch(text) else _date(text)


def _date(text: str) -> str | None:
    """A day; an instant with its zone, which is that of records."""
    try:
        if _DAY.fullmatch(text):
            return dates.day(date.fromisoformat(text), "fr")
        if _INSTANT.fullmatch(text):
            at = datetime.fromisoformat(text)
            return dates.moment(at, "UTC", "fr", seconds=at.second != 0)
    except ValueError:  # not a day of any calendar
        return None
    return None
