"""The English that the code gives to errors and findings, read from its source: sentences, and what fills them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src/intendance"
_DEPTH = 4
_HOLE = "{}"
_CODE = re.compile(r"--|GRANT |mariadbd --|ALTER TABLE |DROP DATABASE |SELECT COUNT")
"""How commands and SQL begin, which stand in sentences as they are."""
_RAISED = {"ValueError", "Fault", "_refuse", "_unusable", "translated", "_wrong", "_unclear", "_faulty"}
"""What carries a sentence to the error that shows it."""
_NAMED = {"detail", "remedy", "fault", "fallback", "found"}
_PERFORMING = {"activities", "sets", "stores", "engines"}
"""Rooms whose helpers return sentences."""


def blank(template: str) -> str:
    """A template with every placeholder as `{}`, so that only its words are compared."""
    return re.sub(r"\{[^{}]*\}", _HOLE, template)


def is_prose(template: str) -> bool:
    """Whether a template says something by itself: two words at least, outside of what fills it and of code."""
    words = re.sub(r"`[^`]*`|\{\}", " ", template)
    return len(re.findall(r"[A-Za-z]{2,}", words)) > 1 and " " in template and _CODE.match(template) is None


class Module:
    """One source file: its constants, its functions, and what its calls give to errors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    def given(self, errors: frozenset[str]) -> Iterator[str]:
        """What is given to errors and findings, and what their helpers return: placeholders are `{}`."""
        for scope, call in _calls(self.tree):
            for value in _values(call, errors):
                yield from self.templates(value, scope)
        if self.path.relative_to(SOURCES).parts[0] in _PERFORMING:
            for function in self.functions.values():
                yield from self._returned(function, 0)

    def templates(self, value: ast.expr, scope: ast.AST, depth: int = 0) -> set[str]:
        """The texts that an expression may be, as far as its source tells; what it does not tell is `{}`."""
        if depth > _DEPTH:
            return {_HOLE}
        match value:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.JoinedStr(values=parts):
                return {"".join(_part(part) for part in parts)}
            case ast.IfExp(body=body, orelse=other):
                return self.templates(body, scope, depth + 1) | self.templates(other, scope, depth + 1)
            case ast.BoolOp(values=values):
                return {each for one in values for each in self.templates(one, scope, depth + 1)}
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                ends = self.templates(right, scope, depth + 1)
                return {a + b for a in self.templates(left, scope, depth + 1) for b in ends}
            case ast.Name(id=name):
                return self._named(name, scope, depth)
            case ast.Call(func=ast.Attribute(value=inner, attr="rstrip" | "strip" | "capitalize" | "removesuffix")):
                return self.templates(inner, scope, depth + 1)
            case ast.Call() if _called(value) in self.functions:
                return self._returned(self.functions[_called(value)], depth)
            case _:
                return {_HOLE}

    def _returned(self, function: ast.FunctionDef, depth: int) -> set[str]:
        found = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        return {each for value in found for each in self.templates(value, function, depth + 1)} | {_HOLE}

    def _named(self, name: str, scope: ast.AST, depth: int) -> set[str]:
        found: set[str] = set()
        for place in (scope, self.tree):
            body = ast.walk(place) if place is scope else iter(self.tree.body)
            for node in body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        found |= self.templates(value, scope, depth + 1)
                    case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                        found |= self._unpacked(name, names, value, scope, depth)
            if found:
                return found
        return {_HOLE}

    def _unpacked(self, name: str, names: list[ast.expr], value: ast.expr, scope: ast.AST, depth: int) -> set[str]:
        """What a name gets of `a, b = …` where a pair, one of two pairs, or a function that returns pairs follows."""
        places = [n for n, each in enumerate(names) if isinstance(each, ast.Name) and each.id == name]
        if not places:
            return set()
        pairs: list[ast.expr] = [value]
        if isinstance(value, ast.IfExp):
            pairs = [value.body, value.orelse]
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.functions:
            function = self.functions[value.func.id]
            pairs = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
        return {
            each
            for pair in pairs
            if isinstance(pair, ast.Tuple) and len(pair.elts) > places[0]
            for each in self.templates(pair.elts[places[0]], scope, depth + 1)
        }


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Every call with the innermost function it stands in."""

    def walk(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield scope, child
            yield from walk(child, child if isinstance(child, ast.FunctionDef) else scope)

    return walk(tree, tree)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _part(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else _HOLE


def _values(call: ast.Call, errors: frozenset[str]) -> Iterator[ast.expr]:
    """What of a call's arguments people may come to read."""
    name = _called(call)
    if name in errors:
        yield from (each.value for each in call.keywords)
    elif name in _RAISED:
        yield from (*call.args, *(each.value for each in call.keywords))
    elif name == "add" and len(call.args) == 3:
        yield from call.args[1:]
    elif name == "append" and ast.unparse(call.func).endswith("not_checked.append"):
        yield from call.args
    else:
        yield from (each.value for each in call.keywords if each.arg in _NAMED)
