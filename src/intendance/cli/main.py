"""What every command line goes through: words, streams, errors, exit code.

Only what the plainest commands need is imported here; Typer and the noun's module are when they are used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from intendance.cli.output import INTERRUPTED, Language, Output, choose_language, default_state, invocation
from intendance.cli.terminal import ended_gently, lost_answer, open_streams
from intendance.cli.words import GLOBAL_OPTIONS, backup_asked, backup_plainly_asked, hoist, noun_of, plainly_asked
from intendance.model.errors import AnswerLost, Exit, IntendanceError, InternalError, UsageError, WrongWords
from intendance.model.errors.state import NoHome, refusal, said_by_system
from intendance.system import collector
from intendance.system.clock import SystemClock


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
    asked = None if completing else plainly_asked(words)
    if asked is not None:
        with collector.paused():
            from intendance.cli import status  # only where it is asked for

            return status.answer(invocation(asked.plan, asked.state, asked.lang), asked.question)
    front = None if completing else backup_asked(words)
    if front is None:
        from intendance.cli.commands import perform  # Typer, a fifth of what `status` may take

        return perform(words, noun_of(words), language, everything=completing)
    from intendance.agent.children import standby

    with standby(Path(front["--state"]) if "--state" in front else default_state()) as ready:
        # The copy goes on with what a backup needs while this process imports what it needs to be asked and to answer.
        plain = backup_plainly_asked(words)
        if plain is not None:
            from intendance.cli.backing_up import back_up

            collector.begin()
            return back_up(invocation(plain.plan, plain.state, plain.lang, ready), plain)
        from intendance.cli.commands import perform

        return perform(words, noun_of(words), language, everything=False, ready=ready)


def _refuse_empty(words: Sequence[str]) -> None:
    """A global option with an empty value is a shell variable that was not set; it never means the current folder."""
    for option in GLOBAL_OPTIONS:
        if f"{option}=" in words or (option, "") in pairwise(words):
            raise WrongWords(sentence=f"`{option}` is empty: is a variable not set?", command="intendance")


def _unforeseen(words: Sequence[str], error: Exception) -> IntendanceError:
    """An error for what nobody foresaw; its trace goes into the state folder, where there is one."""
    import tempfile  # as few imports as can be for what usually happens

    from intendance.system.trace import keep_trace

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
