"""The five steps from nothing to a plan that is proven: what is done, what is next, what a later version brings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from intendance.agent.founding import Progress
from intendance.cli.page import Ink, Page
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass

_SHAPES: dict[str, tuple[str, Ink]] = {"done": ("✔", "pass"), "next": ("◔", "soon"), "later": ("–", "quiet")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `later` ones are not performed by this version; `commands` are to type, in this order."""

    code: str
    title: str
    state: Literal["done", "next", "later"]
    told: str
    commands: tuple[str, ...] = ()


def steps(_: Translator, progress: Progress, plan: Path) -> tuple[Step, ...]:
    """The five, as far as this node is."""
    return tuple(
        step
        for step in (
            _local(_, progress, plan),
            Step(code="off_site", title=_("A copy at another place"), state="later",
                 told=_("Not yet: this version stores on disks and mounted shares. Until then, carry a copy of the"
                        " store away by hand.")),
            _second_key(_, progress),
            Step(code="alert_test", title=_("An alert that arrives"), state="later",
                 told=_("Not yet: this version sends no mail. Until then, read `intendance status` every morning.")),
            Step(code="drill", title=_("A first drill"), state="later",
                 told=_("Not yet by itself: restore by hand on another computer, as the recovery sheet says.")),
        )
    )  # fmt: skip


def _local(_: Translator, progress: Progress, plan: Path) -> Step:
    title = _("A local backup")
    if not progress.adopted:
        told = _("Read the plan, put it in force, make the first backup; then let the agent do it every night.")
        commands = (
            f"intendance plan adopt {shlex.quote(str(plan))}",
            "intendance backup run",
            "intendance status",
            "intendance agent",
        )
        return Step(code="local_backup", title=title, state="next", told=told, commands=commands)
    if progress.asset is not None:
        told = _("Backed up: {done} of {count}.").format(done=progress.backed_up, count=progress.assets)
        return Step(code="local_backup", title=title, state="next", told=told, commands=("intendance backup run",))
    told = _("Backed up: {done} of {count}.").format(done=progress.backed_up, count=progress.assets)
    return Step(code="local_backup", title=title, state="done", told=told)


def _second_key(_: Translator, progress: Progress) -> Step:
    title = _("Keys in the hands of two people")
    sentences = list(_what_keys_lack(_, progress))
    if not sentences:
        told = _("Each of the {count} keys was proven by its holder.").format(count=progress.keys)
        return Step(code="second_key", title=title, state="done", told=told)
    commands = ("intendance keys prove",) if progress.adopted else ()
    return Step(code="second_key", title=title, state="next", told=" ".join(sentences), commands=commands)


def _what_keys_lack(_: Translator, progress: Progress) -> Iterator[str]:
    if progress.recovery is not None:
        told = _("The private halves are still on this machine, in {folder}: give each holder theirs, then remove it.")
        yield told.format(folder=progress.recovery)
    if not progress.adopted:
        yield _("Once the plan is in force, each holder proves their key.")
    elif progress.proven < progress.keys:
        yield _("Proven by their holders: {done} of {count}.").format(done=progress.proven, count=progress.keys)


def draw(page: Page, _: Translator, found: tuple[Step, ...]) -> None:
    """The steps for people."""
    page.blank()
    page.text((_("Five steps"), "strong"))
    for number, step in enumerate(found, start=1):
        sign, ink = _SHAPES[step.state]
        page.text((f"{sign}{FIXED_SPACE}{number}{FIXED_SPACE} {step.title}.", ink), f" {step.told}", indent=2, hang=7)
        for command in step.commands:
            page.command(command, indent=7)
