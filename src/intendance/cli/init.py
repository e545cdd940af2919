"""`intendance init`: a first plan from what stands on the machine, keys for two people, and a sheet for the bad day."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from intendance.agent import founding
from intendance.agent.founding import Holding, Surroundings
from intendance.agent.inventory.propose import LeftOut
from intendance.cli import init_plan, init_sheet, init_steps
from intendance.cli.init_plan import Draft, KeyLine, Person
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, page_for
from intendance.language import dates
from intendance.language.spoken import told
from intendance.language.texts import Translator, translator
from intendance.model.errors.founding import QuestionsUnanswered, TooManyKeys
from intendance.model.frozen import dataclass

SYSTEM_PLAN = Path("/etc/intendance/intendance.yaml")
_KEYS: Mapping[str, str] = {"owner": "admin", "guardian": "second"}
"""The keys that are made, and the contact who holds each."""


class Chosen(StrEnum):
    """The catalogues that a plan may be begun with."""

    MAINT = "maint"
    ASBL = "asbl"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the people say, or what is proposed to them."""

    organisation: str
    people: Mapping[str, Person]
    store: str
    store_apart: bool


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("init", help="Write a first plan from what stands on this machine, with keys for two people.")(begin)


def begin(
    context: typer.Context,
    catalogue: Annotated[Chosen, typer.Option(help="The rules to follow.")] = Chosen.ASBL,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The plan to write. [as root: /etc/intendance/intendance.yaml]")
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A public key of yours, instead of one made here; again for the second."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take what is proposed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
) -> None:
    """Look at the machine, propose what to back up, make keys, write a recovery sheet. Overwrites nothing."""
    invocation: Invocation = context.obj
    _ = translator(invocation.language, "init", "init_plan", "init_sheet", "init_steps")
    plan = (output or invocation.plan or _usual_plan()).absolute()
    begun = None
    if not plan.exists():
        if not yes and (json or not sys.stdin.isatty()):
            raise QuestionsUnanswered
        begun = _begin(_, invocation, plan, catalogue, key or [], ask=not yes)
    done = founding.progress(invocation.state, invocation.clock)
    walk = init_steps.steps(_, done, plan)
    if json:
        Output(as_json=True).json(_as_json(plan, begun, walk))
        return
    page = page_for(sys.stdout)
    if begun is None:
        page.text((_("{plan} is there already: nothing was written.").format(plan=plan), "strong"))
    else:
        _draw(page, _, plan, begun)
    init_steps.draw(page, _, walk)
    page.write(sys.stdout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What was written."""

    seen: Surroundings
    draft: Draft
    holdings: tuple[Holding, ...]
    recovery: Path
    left_out: tuple[tuple[LeftOut, str], ...]


def _usual_plan() -> Path:
    return SYSTEM_PLAN if os.geteuid() == 0 else Path("intendance.yaml")


def _begin(
    _: Translator, invocation: Invocation, plan: Path, catalogue: Chosen, keys: Sequence[Path], *, ask: bool
) -> Begun:
    now = invocation.clock.read().at
    if len(keys) > len(_KEYS):
        raise TooManyKeys(count=len(keys))
    own = founding.own_keys(keys, now)
    seen = founding.survey(invocation.state, invocation.clock)
    answers = _ask(_, seen) if ask else _proposed(_, seen)
    recovery = Path.cwd() / f"recovery-{seen.node}"
    files = {name: plan.parent / "keys" / f"{name}.asc" for name in _KEYS}
    founding.refuse_if_taken([plan, recovery, *files.values()])
    node_key = founding.node_fingerprint(invocation.state, fleet=seen.fleet, node=seen.node)
    holdings = founding.holdings(
        {name: (contact, _user_id(answers, contact)) for name, contact in _KEYS.items()}, own, recovery
    )
    left_out = tuple((each, reason(_, each)) for each in seen.proposal.left_out)
    draft = Draft(
        fleet=seen.fleet,
        node=seen.node,
        organisation=answers.organisation,
        timezone=seen.timezone,
        language=invocation.language,
        catalogues=(Chosen.MAINT.value, Chosen.ASBL.value) if catalogue is Chosen.BOTH else (catalogue.value,),
        store=answers.store,
        store_apart=answers.store_apart,
        assets=seen.proposal.assets,
        keys=[_key_line(each) for each in holdings],
        contacts=answers.people,
        left_out=[sentence for _each, sentence in left_out],
    )  # fmt: skip
    sheet = init_sheet.page(_, draft, node_key=node_key, day=dates.day(now.date(), invocation.language))
    founding.write(
        invocation.state,
        now,
        recovery=recovery,
        private={recovery / "recovery-sheet.html": sheet, **_for_holders(_, holdings, answers, sheet)},
        public={files[each.name]: each.public for each in holdings},
        plan=plan,
        text=init_plan.text(_, draft),
    )
    founding.keep_inventory(invocation.state, seen, now)
    return Begun(seen=seen, draft=draft, holdings=holdings, recovery=recovery, left_out=left_out)


def _key_line(holding: Holding) -> KeyLine:
    return KeyLine(
        name=holding.name,
        file=f"keys/{holding.name}.asc",
        fingerprint=holding.fingerprint,
        held_by=holding.held_by,
        own=holding.made is None,
    )


def _proposed(_: Translator, seen: Surroundings) -> Answers:
    return Answers(
        organisation=seen.node,
        people={"admin": Person(name=_("The administrator")), "second": Person(name=_("A second person"))},
        store=seen.store,
        store_apart=seen.store_apart,
    )


def _ask(_: Translator, seen: Surroundings) -> Answers:
    """The questions, each with an answer proposed; on stderr, so that the answer alone is on stdout."""
    proposed = _proposed(_, seen)

    def question(text: str, default: str) -> str:
        answer: str = typer.prompt(text, default=default, err=True, show_default=bool(default))
        return answer.strip()

    organisation = question(_("The organisation's name"), proposed.organisation)
    people = {
        "admin": Person(
            name=question(_("Your name, who will hold a first key"), founding.who()),
            email=question(_("Your e-mail address (empty: none)"), ""),
        ),
        "second": Person(
            name=question(_("Who else will hold a key"), proposed.people["second"].name),
            email=question(_("Their e-mail address (empty: none)"), ""),
        ),
    }
    store = str(Path(question(_("The folder for backups, better on another disk"), proposed.store)).absolute())
    apart = founding.on_another_disk(Path(store))
    return Answers(organisation=organisation or proposed.organisation, people=people, store=store, store_apart=apart)


def _user_id(answers: Answers, contact: str) -> str:
    """What the key calls its holder: no sign that a user id gives a meaning to."""
    person = answers.people[contact]
    name = " ".join("".join(sign for sign in f"{person.name} ({answers.organisation})" if sign not in "<>").split())
    return f"{name} <{person.email}>" if "@" in person.email else name


def _for_holders(_: Translator, holdings: tuple[Holding, ...], answers: Answers, sheet: str) -> dict[Path, str]:
    """The folder of each holder: the private half, what to do with it, and the sheet."""
    files = {}
    for each in holdings:
        if each.made is None:
            continue
        words = _(
            "This folder is for {name}.\n\n"
            "`private-key.asc` opens the backups of {organisation}, together with the passphrase that was shown when it"
            " was made. The passphrase stands nowhere else than on your own paper.\n\n"
            "Keep this folder on a USB stick or another computer, away from the server. To use it there:\n\n"
            "`gpg --import private-key.asc`\n\n"
            "Each quarter you get a file `challenge-{key}.asc`. Answer with what this prints:\n\n"
            "`gpg --decrypt challenge-{key}.asc`\n"
        ).format(name=answers.people[each.held_by].name, organisation=answers.organisation, key=each.name)
        files[each.folder / "private-key.asc"] = each.made.private
        files[each.folder / "read-me.txt"] = words
        files[each.folder / "recovery-sheet.html"] = sheet
    return files


def reason(_: Translator, left: LeftOut) -> str:
    """Why something is not in the proposal, as a sentence."""
    sentences = {
        "remote": _("the database {what} is on another machine ({detail}): it is backed up there, or declare it here"),
        "postgresql": _("{what} is PostgreSQL, which this version does not back up yet"),
        "no_server": _("the database {what} is named by an application, and its server ({detail}) was not found"),
        "package": _("{what} comes from the package {detail}: it is installed again, not restored"),
        "not_root": _("{what} is read by root alone: run `init` as root to keep it"),
        "not_seen": _("{what} could not be looked at: {detail}"),
        "beyond": _("{what} more things had no room in the inventory"),
    }
    unseen = {
        "container": _("{param} runs in a container: its files are not those of this machine"),
        "denied": _("{what} could not be looked at: permission denied"),
        "too_long": _("{what} could not be looked at: longer than 1 MiB"),
        "no_certificate": _("{what} could not be looked at: it is no certificate in PEM form"),
        "unclear": _("{what} could not be looked at: only the running server knows what it stands for"),
        "too_many": _("not all SQLite databases were looked for: there are more than {param} files"),
        "no_plain_name": _(
            "{what} could not be looked at: the name of its database does not stand there as plain text"
        ),
    }
    sentence = unseen.get(left.why, sentences[left.code])
    return sentence.format(what=left.what, detail=told(left.detail, _.language), param=left.param)


def _draw(page: Page, _: Translator, plan: Path, begun: Begun) -> None:
    found = begun.seen.inventory
    told = _("{node}: {system}, {packages} packages.").format(
        node=begun.seen.node, system=found.system or "Linux", packages=found.packages
    )
    page.text((told, "quiet"))
    page.text((_("The plan is written: {plan}").format(plan=plan), "strong"))
    for asset in begun.draft.assets:
        what = ", ".join(asset.databases) or asset.place
        page.text(f"{asset.name}: ", (what, "quiet"), indent=2, hang=4)
    if not begun.draft.assets:
        page.text(
            _("Nothing was found that this version can back up: write what you want to keep under `assets`."), indent=2
        )
    if begun.left_out:
        page.blank()
        page.text((_("Left out, and why"), "strong"))
        for _each, sentence in begun.left_out:
            page.text(f"– {sentence}", indent=2, hang=4)
    _draw_keys(page, _, begun)


def _draw_keys(page: Page, _: Translator, begun: Begun) -> None:
    page.blank()
    page.text((_("Two keys open the backups; this machine cannot use them"), "strong"))
    for each in begun.holdings:
        person = begun.draft.contacts[each.held_by].name
        page.text(f"{each.name} · {person} · ", (each.fingerprint, "quiet"), indent=2, hang=4)
        if each.made is None:
            page.text(_("their own key, which they keep as they do"), indent=4)
        else:
            page.text(_("passphrase: "), (each.made.passphrase, "strong"), indent=4)
    if all(each.made is None for each in begun.holdings):
        told = _("{folder} holds the recovery sheet: print it for each holder.")
        page.text(told.format(folder=begun.recovery), indent=2)
        return
    page.text(
        _("Write each passphrase on paper now, one for each holder: they are kept nowhere and not shown again. Without"
          " them no backup can be opened."),
        indent=2,
    )  # fmt: skip
    page.text(
        _("{folder} holds the private halves, locked, and the recovery sheet to print. Give each holder their folder on"
          " a stick, then remove it here:").format(folder=begun.recovery),
        indent=2,
    )  # fmt: skip
    page.command(f"rm -r {shlex.quote(str(begun.recovery))}", indent=2)


def _as_json(plan: Path, begun: Begun | None, walk: tuple[init_steps.Step, ...]) -> dict[str, Any]:
    """The answer for machines; the passphrases are in it once, for nobody else has them."""
    answer: dict[str, Any] = {
        "schema": "intendance.init/1",
        "plan": str(plan),
        "written": begun is not None,
        "steps": [
            {"step": each.code, "state": each.state, "commands": list(each.commands)} for each in walk
        ],
    }  # fmt: skip
    if begun is not None:
        answer |= {
            "recovery": str(begun.recovery),
            "assets": [
                {"name": each.name, "kind": each.kind, "place": each.place, "databases": list(each.databases)}
                for each in begun.draft.assets
            ],
            "left_out": [{"what": each.what, "code": each.code, "detail": each.detail} for each, _ in begun.left_out],
            "keys": [
                {"name": each.name, "held_by": each.held_by, "fingerprint": each.fingerprint,
                 "passphrase": each.made.passphrase if each.made else ""}
                for each in begun.holdings
            ],
        }  # fmt: skip
    return answer
