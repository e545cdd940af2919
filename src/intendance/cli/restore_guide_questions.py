"""The first page of a guided restore: what is lost, and when it was last as it should be."""

from __future__ import annotations

import typer

from intendance.agent.guide.case import Wanted
from intendance.agent.guide.identifying import holdings
from intendance.cli.output import Invocation
from intendance.language.texts import translator

DOMAIN = "restore_guide_questions"


def ask(invocation: Invocation, name: str) -> Wanted:
    """What somebody answers, with everything and the newest set proposed. Raises SiteUnknown."""
    _ = translator(invocation.language, DOMAIN)
    held = holdings(invocation.state, name)
    typer.echo(_("Step 1 of 5: what is lost? Enter alone means all of it."), err=True)
    database = table = None
    paths: tuple[str, ...] = ()
    if held.kind == "mariadb":
        known = ", ".join(held.databases) or _("all of the server")
        database = _answer(_("One database ({known})").format(known=known)) or None
        table = _answer(_("One table of it")) or None if database or len(held.databases) == 1 else None
    elif held.kind == "files":
        said = _answer(_("Paths below {place}, with blanks between them").format(place=held.place))
        paths = tuple(said.split())
    typer.echo(_("Step 2 of 5: which backup?"), err=True)
    to = _answer(_("When was it last as it should be? 2026-11-21 08:30; Enter: take the newest")) or None
    return Wanted(name=name, database=database, table=table, paths=paths, to=to)


def _answer(question: str) -> str:
    answer: str = typer.prompt(question, default="", err=True, show_default=False)
    return answer.strip()
