"""Writes the pages that are generated from the code, and the rules compiled from their YAML: `./dev sh -- python
docs/generate.py`. A test says when one is old."""

from __future__ import annotations

import json
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from intendance.api import described
from intendance.catalogue import load
from intendance.cli.commands import build
from intendance.cli.words import NOUNS
from intendance.model import errors
from intendance.model.errors import Exit, IntendanceError
from intendance.model.evidence import KINDS

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))  # run as a script, Python looks beside it alone

from docs import rule_pages  # noqa: E402 -- only now it can be found

RULES = Path(load.__file__).with_name(load.COMPILED)
_WRITTEN = "*Written by `docs/generate.py`; change the code, not this page.*"

EXIT_MEANINGS = {
    Exit.DONE: "Done; for `status`, every blocking rule holds (or is not due yet).",
    Exit.FAILED: "Failed. The sentence on stderr says why and what to do; nothing half-done is left.",
    Exit.USAGE: "The command or the plan is wrong; nothing was begun.",
    Exit.PARTIAL: "Done in part: what is missing is named.",
    Exit.BROKEN: "A blocking rule is broken (it wins over 5).",
    Exit.UNKNOWN: "A blocking rule is unknown or in error.",
}


def error_families() -> dict[str, list[type[IntendanceError]]]:
    """Every error of the product by family, which is the module that declares it."""
    modules = [errors, *(import_module(f"{errors.__name__}.{m.name}") for m in pkgutil.iter_modules(errors.__path__))]
    return {
        module.__name__.removeprefix(errors.__name__).lstrip(".") or "general": declared
        for module in modules
        if (declared := [c for c in vars(module).values() if _is_error_of(c, module.__name__)])
    }


def _is_error_of(thing: object, module: str) -> bool:
    return isinstance(thing, type) and issubclass(thing, IntendanceError) and thing.__module__ == module


def _code_of(error: type[IntendanceError]) -> str:
    return IntendanceError.code.fget(error.__new__(error))  # type: ignore[attr-defined, no-any-return]


def errors_page() -> str:
    """`docs/errors.md`."""
    lines = [
        "# Errors and exit codes",
        "",
        _WRITTEN,
        "",
        "A known error is one sentence on stderr and, under it, what to type next; `--json` prints the same as an",
        "object with the code below. Words in braces are filled in when it happens.",
        "",
        "## Exit codes",
        "",
        "| code | name | meaning |",
        "|---:|---|---|",
        *(f"| {int(code)} | {code.name.lower()} | {EXIT_MEANINGS[code]} |" for code in Exit),
        "",
        "A command stopped with Ctrl-C exits with 130.",
    ]
    for family, declared in error_families().items():
        lines += ["", f"## {family.replace('_', ' ').capitalize()}"]
        for error in declared:
            if error is IntendanceError:
                continue
            tries = " · can be tried again as it is" if error.transient else ""
            lines += ["", f"### `{_code_of(error)}`", "", _one_line(error.__doc__ or ""), ""]
            lines += [f"Exit {int(error.exit_code)}{tries}" + (f" · {error.next_step}" if error.next_step else "")]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Every command with its full name, in the order of `intendance --help`."""
    root = _root()
    for noun in NOUNS:
        yield from _commands_under(f"intendance {noun}", root.commands[noun])


def _root() -> TyperGroup:
    root = typer.main.get_command(build(None, everything=True))
    assert isinstance(root, TyperGroup)  # noqa: S101 -- it has nouns
    return root


def _commands_under(name: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for word, child in command.commands.items():
            yield from _commands_under(f"{name} {word}", child)
    elif isinstance(command, TyperCommand):
        yield name, command


def commands_page() -> str:
    """`docs/commands.md`."""
    lines = [
        "# Commands",
        "",
        _WRITTEN,
        "",
        "stdout is the answer, stderr is talk and progress. Times are local with their zone for people, ISO 8601 in",
        "UTC in `--json`. Exit codes: [errors.md](errors.md#exit-codes). These options may stand anywhere:",
        "",
        *_table(p for p in _root().params if p.name not in {"install_completion", "show_completion"}),
    ]
    for name, command in commands():
        lines += ["", f"## `{_usage(name, command)}`", "", _one_line(command.help or "")]
        if table := _table(command.params):
            lines += ["", *table]
    return "\n".join(lines) + "\n"


def _usage(name: str, command: TyperCommand) -> str:
    arguments = [p for p in command.params if isinstance(p, TyperArgument)]
    return " ".join([name, *(_name_of(p) if p.required else f"[{_name_of(p)}]" for p in arguments)])


def _name_of(argument: TyperArgument) -> str:
    return (argument.metavar or argument.name or "").upper()


def help_of(parameter: object) -> str:
    """The sentence of an argument or an option; empty when it has none."""
    return _one_line(getattr(parameter, "help", None) or "")


def _table(parameters: Iterable[object]) -> list[str]:
    rows = [
        f"| {_spelling(p)} | {help_of(p)} |"
        for p in parameters
        if isinstance(p, TyperArgument | TyperOption) and not p.hidden and p.name != "help"
    ]
    return ["| | |", "|---|---|", *rows] if rows else []


def _spelling(parameter: TyperArgument | TyperOption) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{_name_of(parameter)}`"
    value = "" if parameter.is_flag else f" {(parameter.metavar or parameter.name or '').upper()}"
    return ", ".join(f"`{spelling}{value}`" for spelling in (*parameter.opts, *parameter.secondary_opts))


def evidence_page() -> str:
    """`docs/evidence.md`: every kind of record with its members."""
    lines = [
        "# Evidence: what a record can say",
        "",
        _WRITTEN,
        "",
        "`data` of each kind of record; the record around it is described in [The ledger](ledger.md). Instants are",
        "RFC 3339 in UTC, sizes are bytes, `*_ms` milliseconds. Error texts are redacted before they are recorded; no",
        "record holds a secret or a row of user data. A member with a default may be absent from older records. What",
        "is not on this page is *undetermined* to `ledger verify`, never ignored.",
        "",
    ]
    for kind, shape in KINDS.items():
        lines += [f"## `{kind}`", "", " ".join((shape.__doc__ or "").split()), "", "| member | type | default |"]
        lines += ["|---|---|---|", *_members(shape, ""), ""]
    return "\n".join(lines)


def _members(shape: type, prefix: str) -> Iterator[str]:
    hints = get_type_hints(shape)
    for member in fields(shape):
        hint = hints[member.name]
        inner = next((kind for kind in (hint, *get_args(hint)) if is_dataclass(kind)), None)
        default = "" if member.default is MISSING else f"`{json.dumps(member.default)}`"
        yield f"| `{prefix}{member.name}` | {_json_type(hint)} | {default} |"
        if inner is not None:
            yield from _members(inner, f"{prefix}{member.name}{'' if hint is inner else '[]'}.")  # type: ignore[arg-type]


def _json_type(hint: Any) -> str:
    plain = {str: "text", int: "integer", bool: "true or false", type(None): "null"}
    if hint in plain:
        return plain[hint]
    if get_origin(hint) is tuple:
        return f"list of {_json_type(get_args(hint)[0])}"
    if get_args(hint):
        return " or ".join(_json_type(each) for each in get_args(hint))
    return "object"


_RULEBOOK = load.load()
PAGES: Mapping[str, Callable[[], str]] = {
    "errors.md": errors_page,
    "commands.md": commands_page,
    "evidence.md": evidence_page,
    "openapi.json": lambda: described.written().decode(),
    "rules/README.md": partial(rule_pages.index_page, _RULEBOOK),
    **{f"rules/{rule.id}.md": partial(rule_pages.rule_page, _RULEBOOK, rule) for rule in _RULEBOOK.rules.values()},
}


def main() -> None:
    for name, write in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(write(), encoding="utf-8")
    RULES.write_text(load.compiled(), encoding="utf-8")


if __name__ == "__main__":
    main()
