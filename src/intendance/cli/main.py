"""The table of commands. A noun's module is imported only when that noun is used, so that `status` starts fast."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from intendance import __version__
from intendance.cli.guide import USAGE, guide
from intendance.cli.output import INTERRUPTED, Invocation, Language, Output, choose_language
from intendance.cli.terminal import ended_gently, lost_answer, open_streams
from intendance.model.errors import AnswerLost, Exit, IntendanceError, InternalError, UsageError, WrongWords
from intendance.model.errors.state import NoHome, refusal, said_by_system
from intendance.system.clock import SystemClock
from intendance.system.trace import keep_trace

# noun -> (module with `register(root)`, one line of help)
NOUNS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "init": ("intendance.cli.init", "Write a first plan from what stands on this machine."),
        "status": ("intendance.cli.status", "Which rules hold, since when, and what to do about the others."),
        "plan": ("intendance.cli.plan", "Check, show, compare and adopt a maintenance plan."),
        "rules": ("intendance.cli.rules", "List the rules and read one in full."),
        "waiver": ("intendance.cli.waiver", "Who answers for a broken rule, and until when."),
        "backup": ("intendance.cli.backup", "Make, list, show and inspect backups."),
        "restore": ("intendance.cli.restore", "Restore a backup beside the original."),
        "keys": ("intendance.cli.keys", "Who can open the backups, and the proof that they still can."),
        "run": ("intendance.cli.run", "Executions of activities: list, show, cancel."),
        "ledger": ("intendance.cli.ledger", "Show and verify the record of everything done."),
        "doctor": ("intendance.cli.doctor", "Whether this machine can perform the plan, and what mends what it lacks."),
        "gate": ("intendance.cli.gate", "Whether a delivery may go ahead: for pipelines."),
        "agent": ("intendance.cli.agent", "Run the agent that performs the plan on this node."),
    }
)

_GLOBAL_OPTIONS = ("--plan", "--state", "--lang")


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
    context.obj = Invocation(
        plan=plan,
        state=state or default_state(),
        language=choose_language(lang, os.environ),
        clock=SystemClock(),
    )


def default_state() -> Path:
    """`/var/lib/intendance` as root, else `$XDG_STATE_HOME/intendance`. Raises NoHome."""
    if os.geteuid() == 0:
        return Path("/var/lib/intendance")
    base = os.environ.get("XDG_STATE_HOME")
    if base:
        return Path(base) / "intendance"
    try:
        return Path.home() / ".local/state/intendance"
    except RuntimeError:
        raise NoHome(uid=os.geteuid()) from None


def hoist(arguments: Sequence[str]) -> list[str]:
    """Global options moved to the front, so that they may stand anywhere before `--`."""
    front: list[str] = []
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            rest += [word, *remaining]
            break
        if word in _GLOBAL_OPTIONS and remaining:
            front += [word, remaining.pop(0)]
        elif word.startswith(tuple(f"{option}=" for option in _GLOBAL_OPTIONS)):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def noun_of(arguments: Sequence[str]) -> str | None:
    """The noun that hoisted arguments name, if any."""
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in _GLOBAL_OPTIONS:
            skip = True
        elif not word.startswith("-"):
            return word if word in NOUNS else None
    return None


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the contract's code; an error is a sentence, never a traceback."""
    open_streams()
    words = hoist(sys.argv[1:] if arguments is None else arguments)
    output = Output(as_json="--json" in words, language=_language(words))
    try:
        with ended_gently():
            code = _answered(words, output)
    except KeyboardInterrupt:
        output.interrupted("Interrupted.", "Interrompu." if output.language == "fr" else None)
        code = INTERRUPTED
    lost = lost_answer()
    if lost is not None:
        code = Exit.FAILED
        if not isinstance(lost, BrokenPipeError):  # `| head` has read what it wanted
            output.report(AnswerLost(detail=said_by_system(lost)))
    sys.exit(code)


def _answered(words: Sequence[str], output: Output) -> int:
    """The exit code, once the answer or the error was said. Raises KeyboardInterrupt."""
    try:
        return _dispatch(words, output.language)
    except IntendanceError as error:
        known = error
    except BrokenPipeError:
        lost_answer()
        return Exit.FAILED
    except Exception as error:
        if os.environ.get("INTENDANCE_TRACE") == "1":
            raise
        known = refusal(error) or _unforeseen(words, error)
    output.report(known)
    return known.exit_code


def _language(words: Sequence[str]) -> Language:
    """The language in which even wrong words are answered: a language that is none leaves that of the environment."""
    named = [after for word, after in pairwise(words) if word == "--lang"]
    named += [word.partition("=")[2] for word in words if word.startswith("--lang=")]
    try:
        return choose_language(named[-1] if named else None, os.environ)
    except UsageError:
        return choose_language(None, os.environ)


def _dispatch(words: Sequence[str], language: Language) -> int:
    """What the command answers as exit code. Raises UsageError for words that are no command, and its errors."""
    completing = any(name.endswith("_COMPLETE") for name in os.environ if name.startswith("_INTENDANCE"))
    _refuse_empty(words)
    application = typer.main.get_command(build(noun_of(words), everything=completing))
    if language != "en":
        guide(application, language, at_once=completing)
    try:
        # Standing alone, Typer would print its own kind of error; this way `typer.Exit(code)` comes back as the code.
        code = application(args=words, prog_name="intendance", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        # Typer's own errors have moved between its modules; what they can do has not.
        said = getattr(error, "format_message", None)
        if said is None or isinstance(error, IntendanceError):
            raise
        raise _usage(said(), getattr(error, "ctx", None)) from None
    return code if isinstance(code, int) else Exit.DONE


def _refuse_empty(words: Sequence[str]) -> None:
    """A global option with an empty value is a shell variable that was not set; it never means the current folder."""
    for option in _GLOBAL_OPTIONS:
        if f"{option}=" in words or (option, "") in pairwise(words):
            raise WrongWords(sentence=f"`{option}` is empty: is a variable not set?", command="intendance")


def _usage(said: str, context: object) -> UsageError:
    """What Typer says of wrong words, as one sentence; asked for nothing, it says everything."""
    if said.startswith(("Usage:", USAGE)):
        sys.stderr.write(said.rstrip() + "\n")
        raise SystemExit(Exit.USAGE)
    path = getattr(context, "command_path", "intendance")
    sentence = " ".join(said.split())
    return WrongWords(sentence=sentence if sentence.endswith((".", "?")) else f"{sentence}.", command=path)


def _unforeseen(words: Sequence[str], error: Exception) -> IntendanceError:
    """An error for what nobody foresaw; its trace goes into the state folder, where there is one."""
    named = [after for word, after in pairwise(words) if word == "--state"]
    named += [word.partition("=")[2] for word in words if word.startswith("--state=")]
    try:
        state = Path(named[-1]) if named else default_state()
    except NoHome:
        state = Path(tempfile.gettempdir())
    now = SystemClock().read().at
    folder = state / "agent" / "crash" if (state / "agent").is_dir() else Path(tempfile.gettempdir())
    trace = keep_trace(folder, f"intendance-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}", error)
    return InternalError(detail=f"{type(error).__name__}. The full trace is in {trace}")
