"""A YAML file as plain data in which every option remembers its line and column.

Built from libyaml's stream of events and not from its tree: the tree is built by recursion in C, where a deeply nested
file ends the process. Scalars follow YAML 1.2 (`no` is a word, `26:30` is not a number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any

import yaml

from intendance.model.frozen import dataclass
from intendance.plan.problems import OptionPath
from intendance.plan.saying import Said, say

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000

Value = Any  # None, bool, int, float, str, list and dict of these
_MERGE = "<<"
# Numbers as JSON writes them; what else could be one (`08`, `1e5`, forty digits of a fingerprint) is a text.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)\.[0-9]*)([eE][-+]?[0-9]+)?", re.ASCII)
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_KNOWN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text, both from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where an option's name stands (a list's item: its value) and where its value begins and ends."""

    name: Mark
    value: Mark
    end: Mark


@dataclass(frozen=True, slots=True)
class Located:
    """The file's data and the place of every option in it."""

    data: Value
    places: dict[OptionPath, Place]


class Unreadable(Exception):
    """The text is not YAML that a plan can be made of: what is wrong, where, and what to write instead."""

    def __init__(self, code: str, message: Said, fix: Said, mark: Mark, path: OptionPath = ()) -> None:
        self.code, self.message, self.fix, self.mark, self.path = code, message, fix, mark, path
        super().__init__(str(message))


@dataclass(slots=True)
class Duplicate:
    """An option written twice in one mapping."""

    path: OptionPath
    mark: Mark
    first: Mark


@dataclass(slots=True)
class _Node:
    """A parsed value before aliases are expanded. `content`: scalar value, list of nodes, or list of pairs."""

    kind: str
    start: Mark
    end: Mark
    content: Any = None
    text: str = ""


@dataclass(slots=True)
class _Reader:
    duplicates: list[Duplicate] = field(default_factory=list)
    places: dict[OptionPath, Place] = field(default_factory=dict)
    values: int = 0

    def expand(self, node: _Node, path: OptionPath, name: Mark, around: tuple[int, ...] = ()) -> Value:
        """The node's plain value; marks are kept under `path`. Raises Unreadable for what aliases blow up."""
        self.values += 1
        if self.values > MAX_VALUES:
            raise Unreadable(
                "too-large",
                say("it holds more than {most} values once its aliases are written out", most=MAX_VALUES),
                say("use fewer aliases, or split it into the plans of several nodes"),
                node.start,
            )
        if id(node) in around:
            raise Unreadable(
                "alias",
                say("an alias stands inside the value that it names"),
                say("remove the alias"),
                name,
                path,
            )
        if len(path) > MAX_DEPTH:
            raise _too_deep(node.start)
        self.places.setdefault(path, Place(name=name, value=node.start, end=node.end))
        inside = (*around, id(node))
        if node.kind == "mapping":
            return self._mapping(node, path, inside)
        if node.kind == "sequence":
            return [self.expand(item, (*path, index), item.start, inside) for index, item in enumerate(node.content)]
        return node.content

    def _mapping(self, node: _Node, path: OptionPath, around: tuple[int, ...]) -> dict[str, Value]:
        own: dict[str, Value] = {}
        first: dict[str, Mark] = {}
        for key, value in node.content:
            if key.kind != "scalar":
                said = say("an option's name must be a word")
                raise Unreadable("option-name", said, say("write `name: value`"), key.start, path)
            if key.text == _MERGE:
                continue
            if key.text in own:
                self.duplicates.append(Duplicate((*path, key.text), key.start, first[key.text]))
                continue
            first[key.text] = key.start
            own[key.text] = self.expand(value, (*path, key.text), key.start, around)
        for key, value in node.content:
            if key.kind == "scalar" and key.text == _MERGE:
                self._merge(own, key, value, path, around)
        return own

    def _merge(
        self, own: dict[str, Value], key: _Node, value: _Node, path: OptionPath, around: tuple[int, ...]
    ) -> None:
        for source in value.content if value.kind == "sequence" else [value]:
            if source.kind != "mapping":
                said = say("`<<` takes a mapping, by its alias")
                raise Unreadable("merge", said, say("write `<<: *name`"), key.start, path)
            merged = _Reader(values=self.values)
            content = merged.expand(source, path, key.start, around)
            self.duplicates += [
                each for each in merged.duplicates if each.mark not in {one.mark for one in self.duplicates}
            ]
            self.values = merged.values
            for name, inherited in content.items():
                if name not in own:
                    own[name] = inherited
                    here = (*path, name)
                    self.places |= {at: place for at, place in merged.places.items() if at[: len(here)] == here}


def read(text: str) -> tuple[Located, list[Duplicate]]:
    """The data of a YAML text and its duplicate options. Raises Unreadable."""
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    reader = _Reader()
    data = None if builder.root is None else reader.expand(builder.root, (), builder.root.start)
    return Located(data=data, places=reader.places), reader.duplicates


@dataclass(slots=True)
class _Builder:
    """Takes libyaml's events one by one; `root` is the document, with aliases resolved to the node they name."""

    root: _Node | None = None
    anchors: dict[str, _Node] = field(default_factory=dict)
    open_nodes: list[_Node] = field(default_factory=list)

    def take(self, event: Any) -> None:
        """Raises Unreadable for what a plan may not hold."""
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            said = say("a plan is one YAML document; a second one begins here")
            raise Unreadable("documents", said, say("remove the line `---`"), mark)
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            _close(self.open_nodes.pop(), _mark(event.end_mark))
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._named(str(event.anchor), mark))
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event, mark)
            if event.anchor is not None:
                self.anchors[str(event.anchor)] = node
            self._place(node)
            if isinstance(event, yaml.CollectionStartEvent):
                self.open_nodes.append(node)
                if len(self.open_nodes) > MAX_DEPTH:
                    raise _too_deep(mark)

    def _named(self, anchor: str, mark: Mark) -> _Node:
        if anchor in self.anchors:
            return self.anchors[anchor]
        fix = say(
            "write `&{anchor}` at the value that is meant, or put quotes around a text that begins with `*`",
            anchor=anchor,
        )
        raise Unreadable("alias", say("no anchor is named `{anchor}`", anchor=anchor), fix, mark)

    def _place(self, node: _Node) -> None:
        if self.open_nodes:
            self.open_nodes[-1].content.append(node)
        else:
            self.root = node


def _mark(at: Any) -> Mark:
    return Mark(at.line, at.column)


def _node(event: Any, mark: Mark) -> _Node:
    end = _mark(event.end_mark)
    if event.tag is not None and event.tag != "!" and event.tag not in _KNOWN_TAGS:
        raise Unreadable("tag", say("a plan uses no YAML tags"), say("remove `{tag}`", tag=event.tag), mark)
    if isinstance(event, yaml.ScalarEvent):
        plain = event.style in (None, "") and event.tag is None
        return _Node("scalar", mark, end, _scalar(event.value) if plain else event.value, event.value)
    return _Node("mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence", mark, end, [])


def _close(node: _Node, end: Mark) -> None:
    node.end = end
    if node.kind == "mapping":
        node.content = list(zip(node.content[::2], node.content[1::2], strict=True))


def _scalar(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _events(text: str) -> Iterator[Any]:
    parser = yaml.CSafeLoader(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes here; its own text of the error names the character only for some kinds of input.
        before = text.encode()[: error.position].decode(errors="ignore")
        mark = Mark(before.count("\n"), len(before) - before.rfind("\n") - 1)
        code = ord(text[len(before)])
        said = say("it holds the control character {character}", character=f"U+{code:04X}")
        raise Unreadable("control-character", said, say("remove it"), mark) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    finally:
        parser.dispose()


_HINTS: tuple[tuple[str, Said, Said], ...] = (
    ("tab character", say("a tab stands where only spaces may"), say("indent with spaces")),
    (
        "mapping values are not allowed",
        say("a `:` stands where no option can begin"),
        say("put quotes around a text that holds `: `, or check the indentation"),
    ),
    (
        "did not find expected key",
        say("no option can begin here"),
        say("align it with the options around it, or close the `{` or `[` before it"),
    ),
    (
        "did not find expected node content",
        say("a value is missing, or a `[` or `{` is not closed"),
        say("close it, or write the value"),
    ),
    (
        "did not find expected ',' or",
        say("a list or mapping in brackets is not closed"),
        say("write the missing `,`, `]` or `}`"),
    ),
    ("unexpected end of stream", say("a text in quotes is not closed"), say("write the missing quote")),
    ("could not find expected ':'", say("a `:` is missing after an option's name"), say("write `name: value`")),
    (
        "block sequence entries are not allowed",
        say("a list cannot begin here"),
        say("begin it on a line of its own, indented with spaces"),
    ),
)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    """libyaml's complaint in our words, with what usually causes it."""
    at = error.problem_mark or error.context_mark
    lines = text.splitlines()
    if at is not None and at.line >= len(lines):  # the end of the file: where the unfinished thing began says more
        at = error.context_mark or at
    mark = Mark(0, 0) if at is None else _mark(at)
    if mark.line >= len(lines) > 0:
        mark = Mark(len(lines) - 1, len(lines[-1]))
    complaint = " ".join(word for word in (error.problem, error.context) if word)
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if error.problem and "did not find expected ',' or" in error.problem:
        opened = error.context_mark
        if rest[:1] == ":" and opened is not None and opened.line == mark.line:
            said = say("a text that holds `: ` needs quotes")
            return Unreadable("quotes", said, say("put it in double quotes"), mark)
        if opened is not None:  # where the bracket was opened says more than where the parser gave up
            mark = _mark(opened)
    elif "alias" in complaint or rest[:1] in ("*", "@", "`", "%", "&", "!"):
        sign = rest[:1] if rest[:1] in ("@", "`", "%", "&", "!") else "*"
        said = say("a text that begins with `{sign}` needs quotes", sign=sign)
        return Unreadable("quotes", said, say('write "{sign}…" in double quotes', sign=sign), mark)
    if rest[:1] == "\t":
        complaint = "tab character"
    for words, message, fix in _HINTS:
        if words in complaint:
            return Unreadable("syntax", message, fix, mark)
    return Unreadable(
        "syntax", say("this is not YAML: {complaint}", complaint=complaint), say("correct the line"), mark
    )


def _too_deep(mark: Mark) -> Unreadable:
    said = say("it is nested more than {most} levels deep", most=MAX_DEPTH)
    return Unreadable("too-deep", said, say("a plan needs ten at most"), mark)
