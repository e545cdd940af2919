"""Texts of the command line in the reader's language.

English stands in the code and is its own key; French stands in `locale/fr/LC_MESSAGES/<domain>.po`, one domain per
noun of the command line. The `.po` files are read as they are: nothing is compiled, and what a translator saves is
what people read (`docs/translating.md`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Literal

from intendance.model.frozen import dataclass

Language = Literal["fr", "en"]

_BEGINS = ("#", "msgid ")
_LINE = re.compile(r'(?:(?P<key>msgid|msgid_plural|msgstr(?:\[(?P<form>[01])\])?)\s+)?(?P<text>".*")', re.ASCII)


@dataclass(frozen=True, slots=True)
class Translator:
    """Gives texts in one language. A text without a translation comes back as it is: English, never a hole."""

    language: Language
    single: Mapping[str, str] = field(default_factory=dict)
    plural_forms: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        """The text in the reader's language; parameters are filled in afterwards, by name."""
        return self.single.get(text, text)

    def plural(self, one: str, many: str, count: int) -> str:
        """The form for a count. In French 0 and 1 are singular, in English 1 alone."""
        forms = self.plural_forms.get(one, (one, many))
        singular = count < 2 if self.language == "fr" and one in self.plural_forms else count == 1
        return forms[0] if singular else forms[1]


def translator(language: Language, *domains: str) -> Translator:
    """The texts of some nouns of the command line. Raises ValueError, naming the line, when a file is malformed."""
    if language == "en":
        return Translator(language)
    single: dict[str, str] = {}
    plural_forms: dict[str, tuple[str, str]] = {}
    for domain in domains:
        of_domain = _domain(language, domain)
        single |= of_domain.single
        plural_forms |= of_domain.plural_forms
    return Translator(language, single, plural_forms)


@cache
def _domain(language: Language, domain: str) -> Translator:
    """The texts of one noun, read once."""
    single: dict[str, str] = {}
    plural_forms: dict[str, tuple[str, str]] = {}
    source = Path(__file__).parent / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    for entry in read(source.read_text(encoding="utf-8")):
        if entry.fuzzy or not all(entry.forms):
            continue
        if entry.plural is None:
            single[entry.text] = entry.forms[0]
        else:
            plural_forms[entry.text] = (entry.forms[0], entry.forms[1])
    return Translator(language, single, plural_forms)


@dataclass(slots=True)
class Entry:
    """One entry of a `.po` file: the English text (and its plural), the translation's forms, and whether it is only
    a guess."""

    text: str = ""
    plural: str | None = None
    forms: list[str] = field(default_factory=list)
    fuzzy: bool = False


def read(content: str) -> Iterator[Entry]:
    """The entries of a `.po` file, without its header. Raises ValueError, naming the line."""
    for number, block in _blocks(content):
        entry = Entry()
        key = ""
        for offset, line in enumerate(block):
            if line.startswith("#"):
                entry.fuzzy |= line.startswith("#,") and "fuzzy" in line
                continue
            found = _LINE.fullmatch(line)
            if found is None or not (found["key"] or key):
                raise ValueError(f"line {number + offset}: {line!r} is no line of a .po file")
            key = _take(entry, found["key"], key, _plain(found["text"]))
        if len(entry.forms) != (0 if not key else 1 if entry.plural is None else 2):
            raise ValueError(f"line {number}: {entry.text!r} has {len(entry.forms)} forms")
        if entry.text:
            yield entry


def _plain(quoted: str) -> str:
    """The text between quotation marks; most has no backslash, and needs no reading of it."""
    text = quoted[1:-1]
    return str(ast.literal_eval(quoted)) if "\\" in text or '"' in text else text


def _take(entry: Entry, key: str | None, before: str, text: str) -> str:
    """Put a string where its keyword, or the one before it, says; the keyword that now holds."""
    if key is None:
        _append(entry, before, text)
        return before
    if key.startswith("msgstr"):
        entry.forms.append(text)
    elif key == "msgid_plural":
        entry.plural = text
    else:
        entry.text = text
    return key


def _append(entry: Entry, key: str, text: str) -> None:
    if key.startswith("msgstr"):
        entry.forms[-1] += text
    elif key == "msgid_plural":
        entry.plural = (entry.plural or "") + text
    else:
        entry.text += text


def _blocks(content: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of each entry, with the number of the first. Entries end at a blank line; two that a merge of both
    sides' additions left without one between are told apart by what only begins an entry."""
    block: list[str] = []
    translated = False
    for number, line in enumerate((*(each.strip() for each in content.splitlines()), ""), start=1):
        if block and (not line or (translated and line.startswith(_BEGINS))):
            yield number - len(block), block
            block, translated = [], False
        if line:
            block.append(line)
            translated = translated or line.startswith("msgstr")
