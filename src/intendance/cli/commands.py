"""Commands as Typer knows them. A noun's module is imported only when that noun is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from intendance import __version__
from intendance.cli.guide import USAGE, guide
from intendance.cli.output import Language, invocation
from intendance.cli.words import NOUNS
from intendance.model.errors import Exit, IntendanceError, UsageError, WrongWords
from intendance.system import collector

if TYPE_CHECKING:
    from intendance.agent.children import Standby


def build(selected: str | None, *, everything: bool = False) -> typer.Typer:
    """The application with the selected noun's commands loaded; the others are names with one line of help."""
    root = typer.Typer(
        name="intendance",
        cls=WholeSentences,
        help="Write down how your servers must be maintained; Intendance does it, watches it, and proves it.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    root.callback()(_global_options)
    for noun, (module, sentence) in NOUNS.items():
        if everything or noun == selected:
            import_module(module).register(root)
        else:
            root.add_typer(typer.Typer(help=sentence), name=noun, help=sentence)
    for group in root.registered_groups:
        group.cls = WholeSentences
    return root


class WholeSentences(TyperGroup):
    """A list of commands whose sentences are wrapped; the usual one cuts them off at 80 columns."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command with the first sentence of its help."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        shown = [(name, each.get_short_help_str(limit=1000)) for name, each in found if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(shown)


def _global_options(
    context: typer.Context,
    plan: Annotated[Path | None, typer.Option(help="The plan file. [./intendance.yaml, /etc/intendance/…]")] = None,
    state: Annotated[Path | None, typer.Option(help="Where Intendance keeps its state.")] = None,
    lang: Annotated[str | None, typer.Option(help="fr or en; otherwise from the environment.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"intendance {__version__}")
        raise typer.Exit
    context.obj = invocation(plan, state, lang, context.obj)


def perform(
    words: Sequence[str],
    selected: str | None,
    language: Language,
    *,
    everything: bool,
    ready: Standby | None = None,
) -> int:
    """What the command answers as exit code; `ready` is a worker for its first run. Raises UsageError for words that
    are no command, and its errors."""
    application = typer.main.get_command(build(selected, everything=everything))
    if language != "en":
        guide(application, language, at_once=everything)
    collector.begin()
    try:
        # Standing alone, Typer would print its own kind of error; this way `typer.Exit(code)` comes back as the code.
        code = application(args=words, prog_name="intendance", standalone_mode=False, obj=ready)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        # Typer's own errors have moved between its modules; what they can do has not.
        said = getattr(error, "format_message", None)
        if said is None or isinstance(error, IntendanceError):
            raise
        raise _usage(said(), getattr(error, "ctx", None)) from None
    return code if isinstance(code, int) else Exit.DONE


def _usage(said: str, context: object) -> UsageError:
    """What Typer says of wrong words, as one sentence; asked for nothing, it says everything."""
    if said.startswith(("Usage:", USAGE)):
        sys.stderr.write(said.rstrip() + "\n")
        raise SystemExit(Exit.USAGE)
    path = getattr(context, "command_path", "intendance")
    sentence = " ".join(said.split())
    return WrongWords(sentence=sentence if sentence.endswith((".", "?")) else f"{sentence}.", command=path)
