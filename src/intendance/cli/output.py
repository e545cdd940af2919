"""How commands speak: stdout is the answer, stderr is talk; people read sentences and tables, machines read
`--json`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from intendance.language.texts import translator
from intendance.model.errors import AnswerLost, Exit, IntendanceError, UsageError
from intendance.model.errors.state import NoHome, said_by_system
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock, SystemClock
from intendance.system.shown import bare, json_visible

if TYPE_CHECKING:
    from rich.console import Console

    from intendance.agent.children import Standby

DOMAIN = "output"
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the signal's number."""

_USUAL_COLUMNS = 110
_FEWEST_COLUMNS = 20

Language = Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What every command is told: the plan file if named, the state folder, the language of its answer, the clock, and
    a worker at the ready when it will perform runs."""

    plan: Path | None
    state: Path
    language: Language
    clock: Clock
    ready: Standby | None = None


def choose_language(wanted: str | None, environment: Mapping[str, str]) -> Language:
    """The language asked for, else that of LC_ALL, LC_MESSAGES or LANG, else English. Raises UsageError."""
    if wanted is not None:
        if wanted == "fr":
            return "fr"
        if wanted == "en":
            return "en"
        raise UsageError(
            message=f"`--lang {wanted}` is not a language of this program: write `--lang fr` or `--lang en`."
        )
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name)
        if value:
            return "fr" if value.startswith("fr") else "en"
    return "en"


def invocation(plan: Path | None, state: Path | None, lang: str | None, ready: Standby | None = None) -> Invocation:
    """What a command is told, where words leave out what the surroundings say. Raises NoHome, UsageError."""
    return Invocation(
        plan=plan,
        state=state or default_state(),
        language=choose_language(lang, os.environ),
        clock=SystemClock(),
        ready=ready,
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


class Output:
    """Where one command's answer goes, in which language it speaks. Rich is imported only when something is drawn."""

    def __init__(self, *, as_json: bool, language: Language = "en") -> None:
        self.as_json = as_json
        self.language = language

    def console(self, *, stderr: bool = False) -> Console:
        """A console for tables and colour; plain when it is no terminal, when NO_COLOR is set or TERM is dumb.

        It writes as it is what it draws: words of others go through `visible` first.
        """
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() else columns(os.environ, _USUAL_COLUMNS)
        colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"  # no bold and no dim, too
        return Console(
            file=bare(stream), highlight=False, soft_wrap=False, width=width, emoji=False, color_system=colours
        )

    def columns(self) -> int | None:
        """The width that a line may have; None where nobody looks on (a pipe, a file) and COLUMNS does not say."""
        if sys.stdout.isatty():
            return self.console().width
        return columns(os.environ, 0) or None

    def json(self, answer: Mapping[str, Any]) -> None:
        """Print the machine's answer: one JSON document. Raises AnswerLost, BrokenPipeError."""
        import json  # for machines only

        plain = (sys.stdout.encoding or "").lower() not in {"utf-8", "utf8"}
        try:
            sys.stdout.write(json_visible(json.dumps(answer, ensure_ascii=plain, indent=2)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise AnswerLost(detail=said_by_system(error)) from error

    def say(self, line: str) -> None:
        """A line of the answer, for people. Raises OSError."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def talk(self, sentence: str) -> None:
        """A remark for the person at the terminal, on stderr; when that is gone, nobody is there to be told."""
        with contextlib.suppress(OSError):
            sys.stderr.write(sentence + "\n")
            sys.stderr.flush()

    def interrupted(self, sentence: str, told: str | None = None) -> None:
        """What Ctrl-C left, in a sentence, `told` in the reader's language; an object on stdout too when JSON was asked
        for."""
        if self.as_json:
            error = {"code": "interrupted", "message": sentence, "next_step": ""}
            self.json({"schema": "intendance.error/1", "error": error})
        self.talk(told or sentence)

    def report(self, error: IntendanceError) -> None:
        """The error as one sentence and its next step on stderr; as an object on stdout too when JSON was asked for."""
        if self.as_json and not isinstance(error, AnswerLost):
            self.json(
                {
                    "schema": "intendance.error/1",
                    "error": {"code": error.code, "message": error.message, "next_step": error.advice},
                }
            )
        for line in told_error(error, self.language):
            self.talk(line)


def told_error(error: IntendanceError, language: Language) -> Iterator[str]:
    """The lines that tell a person of an error, in that person's language."""
    from intendance.language.spoken import advice_of, message_of  # an answer without an error needs neither

    _ = translator(language, DOMAIN)
    message = message_of(error, language)
    if error.exit_code == Exit.USAGE:
        yield _("usage: {message}").format(message=message)
    else:
        yield _("error: {message}").format(message=message)
    if error.advice:
        yield f"  → {advice_of(error, language)}"


def columns(environment: Mapping[str, str], usual: int) -> int:
    """The width of what is written to no terminal: COLUMNS where that is a usable number, else the usual one."""
    wanted = environment.get("COLUMNS", "")
    return int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted) >= _FEWEST_COLUMNS else usual
