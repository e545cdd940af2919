"""`--help` in another language than the code's: help is told when it is asked for, and nothing is read before."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from intendance.cli.output import Language
from intendance.language.texts import Translator, translator

DOMAIN = "help"
USAGE = "Utilisation\u00a0:"
_SENTENCE = re.compile(r".*?(?:[.?!](?=\s|$)|$)", re.DOTALL)
_ASIDE = re.compile(r"(?P<text>.*?) {2}\[(?P<aside>[^\[\]]*)\]", re.DOTALL)


def guide(command: Any, language: Language, *, at_once: bool = False) -> None:
    """Have a command and all below it give their help in a language; `at_once` where a shell asks for single lines."""
    # Contexts and formatters are Typer's own, and have moved between its modules: each is derived from what is there.
    usual = command.context_class
    command.context_class = type("Context", (usual,), {"make_formatter": _maker(usual, language)})
    for each in getattr(command, "commands", {}).values():
        guide(each, language, at_once=at_once)
    if at_once:
        tell(command, translator(language, DOMAIN))


def tell(command: Any, _: Translator) -> None:
    """Put a command's help, that of its options and of the commands right below it in the reader's language."""
    for each in (command, *getattr(command, "commands", {}).values()):
        if each.help:
            each.help = _(inspect.cleandoc(each.help))
            # Left to itself, Typer would take fixed spaces for ordinary ones when it looks for the first sentence.
            each.short_help = _SENTENCE.findall(each.help)[0]
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _(parameter.help)


def _maker(usual: Any, language: Language) -> Any:
    """How a context makes its formatter: the help is told on the way."""

    def make_formatter(context: Any) -> Any:
        _ = translator(language, DOMAIN)
        tell(context.command, _)
        context.formatter_class = _formatter(context.formatter_class, _)
        return usual.make_formatter(context)

    return make_formatter


def _formatter(usual: Any, _: Translator) -> Any:
    """The usual writer of help, with its own words in the reader's language."""

    def write_usage(self: Any, prog: str, args: str = "", prefix: str | None = None) -> None:
        usual.write_usage(self, prog, args, prefix or f"{USAGE} ")

    def write_heading(self: Any, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{_(heading)}\u00a0:\n")

    def write_dl(self: Any, rows: Iterable[tuple[str, str]], *widths: int) -> None:
        usual.write_dl(self, [(name, _told(_, text)) for name, text in rows], *widths)

    return type(
        "Formatter", (usual,), {"write_usage": write_usage, "write_heading": write_heading, "write_dl": write_dl}
    )


def _told(_: Translator, text: str) -> str:
    """The help of an option, with what Typer says of it in brackets."""
    fits = _ASIDE.fullmatch(text)
    if fits is None:
        return _(text)
    asides = "\u202f; ".join(_aside(_, each) for each in fits["aside"].split("; "))
    return f"{_(fits['text'])}  [{asides}]"


def _aside(_: Translator, text: str) -> str:
    if text.startswith("default: "):
        return _("default: {default}").format(default=text.removeprefix("default: "))
    return _(text)
