"""`status` and `gate` as a fleet's manager answers them: the same words, the same exit codes, from anywhere."""

from __future__ import annotations

import json as jsons
import re
import sys
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from intendance.api.shapes import VerdictShown
from intendance.catalogue.load import load
from intendance.cli import verdicts
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, page_for
from intendance.language import dates
from intendance.language.durations import FIXED_SPACE
from intendance.language.sentences import render
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, UsageError
from intendance.model.errors.api import ManagerSilent
from intendance.model.frozen import dataclass
from intendance.model.verdict import State

Manager = Annotated[str, typer.Option(metavar="URL", help="Ask the fleet's manager instead of judging here.")]
Token = Annotated[
    str, typer.Option(metavar="FILE", help="The file of a token with the scope read, for --manager; - is stdin.")
]
Authority = Annotated[
    str, typer.Option(metavar="FILE", help="The manager's own certificate authority (PEM), for --manager.")
]
Node = Annotated[str, typer.Option(metavar="NODE", help="Only this node of the fleet, for --manager.")]
DOMAINS = ("fleet_status", "verdicts")
SHOWN = 30
_CODES = {"holds": Exit.DONE, "broken": Exit.BROKEN}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_TOKEN_LIMIT_BYTES = 1024
_SETTLED = (State.PASS, State.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which manager is asked, by which token, about which node (empty: the whole fleet)."""

    url: str
    token: str
    authority: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What the manager says of how much it knows."""

    total: int
    heard: int
    silent: int
    unjudged: int
    missing: tuple[str, ...]
    contradicting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What `status` and `gate` of the API have in common; members that a later manager adds are passed over."""

    fleet: str
    node: str | None
    zone: str
    answer: str
    judged_at: datetime
    stopped: bool
    hearing: Hearing
    verdicts: tuple[VerdictShown, ...] = ()
    closed_by: tuple[VerdictShown, ...] = ()
    summary: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> Exit:
        """0 when all holds, 4 when a blocking rule is broken, 5 for anything else, known or not."""
        return _CODES.get(self.answer, Exit.UNKNOWN)


def where(url: str, token: str, authority: str, node: str) -> Where | None:
    """What the options name; None where no manager is. Raises UsageError."""
    if not url:
        if token or authority or node:
            raise UsageError(message="`--node`, `--token` and `--authority` go with `--manager URL`.")
        return None
    if not token:
        raise UsageError(message="`--manager` needs `--token FILE`: a token with the scope read.")
    secret = _content("--token", token).strip()
    if not secret.isascii() or not secret.isprintable() or not secret:
        raise UsageError(message="The file of `--token` holds no token: one line, as `intendance token create` wrote.")
    return Where(
        url=url.rstrip("/"), token=secret, authority=_content("--authority", authority) if authority else "", node=node
    )


def _content(option: str, file: str) -> str:
    limit = _TOKEN_LIMIT_BYTES if option == "--token" else 64 * _TOKEN_LIMIT_BYTES
    try:
        content = sys.stdin.buffer.read(limit) if file == "-" else Path(file).read_bytes()[:limit]
        return content.decode("ascii")
    except OSError as error:
        raise UsageError(message=f"`{option} {file}` cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(message=f"`{option} {file}` holds something else.") from None


def answer(invocation: Invocation, asked: Where, *, question: str, json: bool, everything: bool = False) -> Exit:
    """Ask `status` or `gate` and say what the manager answered; the exit code that says it too.

    Raises ManagerSilent, ManagerRefused.
    """
    from intendance.agent.asking import ask  # http and TLS: not for whoever judges here

    path = f"/api/v1/{question}" + (f"?node={quote(asked.node, safe='')}" if asked.node else "")
    content = ask(asked.url, path, token=asked.token, authority=asked.authority)
    try:
        told = msgspec.json.decode(content, type=Told)
    except msgspec.DecodeError as error:
        raise ManagerSilent(url=asked.url, detail=f"its answer cannot be read: {error}") from None
    if json:
        whole: dict[str, Any] = jsons.loads(content)
        Output(as_json=True).json(whole)
        return told.exit_code
    page = page_for(sys.stdout)
    _ = translator(invocation.language, *DOMAINS)
    draw(page, _, told, gate=question == "gate", everything=everything)
    page.write(sys.stdout)
    return told.exit_code


def draw(page: Page, _: Translator, told: Told, *, gate: bool, everything: bool = False) -> None:
    """The answer, why nobody can tell if so, then what does not hold, worst first."""
    subject = told.node or told.fleet
    question = _("May a delivery go ahead in {subject}?") if gate else _("Do the rules hold in {subject}?")
    page.text((question.format(subject=subject), "quiet"))
    page.text((_answer(_, told), "strong"))
    for sentence in _doubts(_, told):
        page.text((f"?{FIXED_SPACE}{sentence}", "unknown"))
    wanting = [each for each in (*told.verdicts, *told.closed_by) if State(each.state) not in _SETTLED]
    shown = wanting if everything else wanting[:SHOWN]
    for each in shown:
        _entry(page, _, told, each)
    if len(shown) < len(wanting):
        left = len(wanting) - len(shown)
        page.blank()
        page.text(
            (_.plural("{n} more: `--all` shows it.", "{n} more: `--all` shows them.", left).format(n=left), "quiet")
        )
    page.blank()
    counts = [
        verdicts.counted(_, state, told.summary.get(state.value, 0)) for state in State if told.summary.get(state.value)
    ]
    if counts:
        page.text((" · ".join(counts), "quiet"))
    moment = dates.moment(told.judged_at, told.zone, _.language, seconds=True)
    page.text((_("Judged by the manager on {moment}.").format(moment=moment), "quiet"))


def _answer(_: Translator, told: Told) -> str:
    if told.exit_code is Exit.BROKEN:
        return _("No: a blocking rule is broken, or a ledger contradicts itself.")
    if told.exit_code is Exit.UNKNOWN:
        return _("Nobody can tell.")
    return _("Yes: no blocking rule that was judged is broken or unknown.")


def _doubts(_: Translator, told: Told) -> Iterable[str]:
    hearing = told.hearing
    if told.stopped:
        yield _("The manager has not judged for more than two minutes.")
    if not hearing.total:
        yield _("The fleet has no node.")
    if hearing.silent:
        names = ", ".join(hearing.missing[:SHOWN])
        yield _.plural("{n} node is silent: {names}", "{n} nodes are silent: {names}", hearing.silent).format(
            n=hearing.silent, names=names
        )
    if hearing.unjudged:
        yield _.plural(
            "of {n} node nothing could be judged", "of {n} nodes nothing could be judged", hearing.unjudged
        ).format(n=hearing.unjudged)
    if hearing.contradicting:
        yield _("a ledger contradicts itself: {names}").format(names=", ".join(hearing.contradicting[:SHOWN]))


def _entry(page: Page, _: Translator, told: Told, each: VerdictShown) -> None:
    sign, ink = verdicts.SHAPES[State(each.state)]
    book = load()
    rule = book.rules.get(each.rule)
    title = each.title if rule is None else rule.title.of(_.language)
    about = f"{each.node}{FIXED_SPACE}· {each.asset}" if each.asset else each.node
    page.blank()
    page.row(((f"{sign}{FIXED_SPACE}", ink), (about, "strong"), f" · {title}"), (each.rule, "quiet"), indent=2, hang=4)
    page.text(_because(_, told, each), indent=4)
    if each.next_step:
        if each.next_step.startswith("intendance "):
            page.command(each.next_step, indent=4)
        else:
            page.text(_advice(_, each), indent=4)


def _because(_: Translator, told: Told, each: VerdictShown) -> str:
    """The reason in the reader's language, where this version knows the rule and its reason."""
    book = load()
    rule = book.rules.get(each.rule)
    if _.language == "en" or rule is None or (each.reason.code not in {*rule.reasons, *book.common}):
        return each.because
    params = {
        name: datetime.fromisoformat(value) if isinstance(value, str) and _INSTANT.fullmatch(value) else value
        for name, value in each.reason.params.items()
    }
    up = State(each.state) not in (State.PASS, State.PENDING)
    return render(book.reason(rule, each.reason.code).of(_.language), params, _.language, told.zone, up=up)


def _advice(_: Translator, each: VerdictShown) -> str:
    book = load()
    rule = book.rules.get(each.rule)
    if rule is None or (each.reason.code not in {*rule.reasons, *book.common}):
        return each.next_step or ""
    return book.next_step(rule, each.reason.code).of(_.language)
