"""`intendance restore guide`: five steps that put what was lost back in production, one page at a time."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from intendance.agent.guide import guiding
from intendance.agent.guide.case import Case, Item, Wanted
from intendance.agent.guide.guiding import Going, Guided
from intendance.cli import restore_guide_questions, run_words
from intendance.cli.figures import moment, parse
from intendance.cli.output import Invocation, Output
from intendance.cli.watching import Onlooker
from intendance.language.sizes import size
from intendance.language.spoken import told
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, UsageError
from intendance.model.errors.guide import GuideNone
from intendance.model.evidence.restore import Check

DOMAINS = ("restore_guide", run_words.DOMAIN)
Name = Annotated[str, typer.Argument(metavar="NAME", help="An asset of the plan; or a site, for all its assets.")]
Database = Annotated[str | None, typer.Option(help="Of a MariaDB server, only this database.")]
Table = Annotated[str | None, typer.Option(help="Only this table.")]
Paths = Annotated[
    list[str] | None,
    typer.Option("--path", help="Of a tree, only what matches: `uploads/2026`, `*.php`; again for each."),
]
To = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it was last as it should be: `2026-11-21 08:30`, or UTC.")
]
Point = Annotated[str | None, typer.Option(metavar="ID", help="One point: its id in `backup list`.")]
StoreName = Annotated[str | None, typer.Option("--store", help="Take it from this store.")]
Confirm = Annotated[str | None, typer.Option(metavar="NAME", help="Write over production: its name, typed again.")]
Unsafe = Annotated[bool, typer.Option("--without-safety-copy", help="Go on where the original cannot be backed up.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Ask nothing; with --confirm, all steps at once. Alone it never confirms.")
]
Back = Annotated[bool, typer.Option("--back", help="Put the original back that the latest guide replaced.")]
Cancel = Annotated[bool, typer.Option("--cancel", help="End a guide that has touched nothing.")]
Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def guide(  # noqa: PLR0913 -- one parameter per option
    context: typer.Context,
    name: Name,
    database: Database = None,
    table: Table = None,
    path: Paths = None,
    to: To = None,
    point: Point = None,
    store: StoreName = None,
    confirm: Confirm = None,
    without_safety_copy: Unsafe = False,
    yes: Yes = False,
    back: Back = False,
    cancel: Cancel = False,
    json: Json = False,
) -> None:
    """Put what was lost back in production, in five steps. Started again, it goes on where it was."""
    invocation: Invocation = context.obj
    output = Output(as_json=json, language=invocation.language)
    wanted = Wanted(name=name, database=database, table=table, paths=tuple(path or ()), to=to, point=point, store=store)
    if back and cancel:
        raise UsageError(message="`--back` undoes what `--cancel` never did: write one of them.")
    talk = _Talk(invocation, output, asks=not yes and not json and sys.stdin.isatty())
    if cancel:
        talk.answer(guiding.cancel(invocation.state, invocation.clock, name))
        return
    if back:
        given = confirm if confirm is not None else talk.typed(name, back=True)
        talk.answer(guiding.put_back(invocation.state, invocation.clock, name, given))
        return
    talk.go(wanted, confirm, yes=yes, without_safety_copy=without_safety_copy)


class _Talk:
    """One conversation: pages go to the person, the answer to standard output."""

    def __init__(self, invocation: Invocation, output: Output, *, asks: bool) -> None:
        self._invocation = invocation
        self._output = output
        self._asks = asks
        self._texts = translator(invocation.language, *DOMAINS)
        self._onlooker = Onlooker(output, invocation.language)

    def go(self, wanted: Wanted, confirm: str | None, *, yes: bool, without_safety_copy: bool) -> None:
        """All that is left to do of the five steps."""
        state, clock = self._invocation.state, self._invocation.clock
        if confirm is not None and not yes and guiding.open_guide(state, clock, wanted.name) is None:
            raise GuideNone(name=wanted.name, act="go on with")  # a name typed for one loss confirms no other
        if self._asks and wanted == Wanted(name=wanted.name) and guiding.open_guide(state, clock, wanted.name) is None:
            wanted = restore_guide_questions.ask(self._invocation, wanted.name)
        try:
            prepared = guiding.prepare(state, clock, wanted, self._onlooker.reading)
        finally:
            self._onlooker.ended()
        if confirm is None and self._asks:
            self._say(prepared_lines(self._texts, prepared))
            confirm = self.typed(wanted.name, back=False)
        elif confirm is None:
            self.answer(prepared)
            raise typer.Exit(Exit.PARTIAL)
        going = Going(
            state=state,
            clock=clock,
            watcher=self._onlooker,
            moved=self._onlooker.reading,
            without_safety_copy=without_safety_copy,
        )
        try:
            guided = guiding.replace_production(going, wanted.name, confirm)
        finally:
            self._onlooker.ended()
        self.answer(guided)
        if not all(check.ok for item in guided.case.items for check in item.verified or ()):
            raise typer.Exit(Exit.FAILED)

    def typed(self, name: str, *, back: bool) -> str:
        """The name, typed by a person; nothing where nobody can be asked."""
        if not self._asks:
            return ""
        _ = self._texts
        asked = _("Type {name} to put the original back") if back else _("Type {name} to write over production")
        answer: str = typer.prompt(asked.format(name=name), default="", err=True, show_default=False)
        return answer.strip()

    def answer(self, guided: Guided) -> None:
        """The page or the JSON of a guide as it is now."""
        if self._output.as_json:
            self._output.json(guided_json(guided))
            return
        for line in lines(self._texts, guided):
            typer.echo(line)

    def _say(self, said: Iterator[str]) -> None:
        for line in said:
            self._output.talk(line)


def lines(_: Translator, guided: Guided) -> Iterator[str]:
    """What a guide has done, and what to type next."""
    pages = {"open": prepared_lines, "done": _done_lines, "back": _back_lines, "cancelled": _cancelled_lines}
    yield from pages[guided.case.state](_, guided)


def prepared_lines(_: Translator, guided: Guided) -> Iterator[str]:
    """Where steps one to three ended."""
    case = guided.case
    yield _("Steps 1 to 3 of 5 for {name}: nothing in production was touched.").format(name=case.wanted.name)
    for item in case.items:
        yield from _item_lines(_, item, guided.zone)
        yield from _check_lines(_, item.tested or ())
    yield "  " + _("Next: a safety copy of what stands there is made and read back; then it is replaced.")
    yield "  → " + _("Look at the test restore first. To go on:")
    yield f"    intendance restore guide {case.wanted.name} --confirm {case.wanted.name}"
    yield "  → " + _("To leave everything as it is:")
    yield f"    intendance restore guide {case.wanted.name} --cancel"


def _item_lines(_: Translator, item: Item, zone: str) -> Iterator[str]:
    yield ""
    yield "  " + what(_, item)
    yield "    " + _("set {set} from {store}, reaches {moment}").format(
        set=item.set, store=item.store, moment=moment(parse(item.reached), zone)
    )
    if item.present:
        yield "    " + _("stands there now: {size}").format(size=_standing(_, item))
    else:
        yield "    " + _("stands there now: nothing")
    yield "    " + _("test restore: {place}").format(place=_place(item))


def what(_: Translator, item: Item) -> str:
    """What is replaced, in words."""
    target = item.target
    if target.paths:
        return _("{asset}: {paths}").format(asset=item.asset, paths=", ".join(target.paths))
    if target.table is not None:
        return _("{asset}: the table {table} of {database}").format(
            asset=item.asset, table=target.table, database=target.database
        )
    if target.database is not None:
        return _("{asset}: the database {database}").format(asset=item.asset, database=target.database)
    return _("{asset}: all of it").format(asset=item.asset)


def _standing(_: Translator, item: Item) -> str:
    return size(item.standing_bytes, _.language) if item.standing_bytes else _("a tree of files")


def _place(item: Item) -> str:
    return str(item.found.get("restored") or item.found.get("into") or f"{item.found.get('folder')}/restored")


def kept_place(item: Item) -> str:
    """Where the original is."""
    return str(item.found.get("kept") or f"{item.found.get('folder')}/replaced")


def _check_lines(_: Translator, checks: tuple[Check, ...]) -> Iterator[str]:
    for check in checks:
        found = _("{name}: {found}").format(name=told(check.name, _.language), found=told(check.found, _.language))
        yield f"    {_('ok ') if check.ok else _('NOT')} {found}"


def _done_lines(_: Translator, guided: Guided) -> Iterator[str]:
    case = guided.case
    well = all(check.ok for item in case.items for check in item.verified or ())
    if well:
        yield _("{name} is back in production: all five steps are recorded.").format(name=case.wanted.name)
    else:
        yield _("{name} was replaced, and is not as it was tested: look at it now.").format(name=case.wanted.name)
    for item in case.items:
        yield "  " + what(_, item)
        yield from _check_lines(_, item.verified or ())
        if item.present:
            yield "    " + _("the original is kept: {place}").format(place=kept_place(item))
    for safety in case.safety:
        if safety.set:
            said = _("safety copy of {asset}: the set {set} in {store}, read back to its last byte")
            yield "  " + said.format(asset=safety.asset, set=safety.set, store=safety.store)
        elif safety.unsafe:
            yield "  " + _("no safety copy of {asset}: {why}").format(
                asset=safety.asset, why=told(safety.unsafe, _.language)
            )
    yield "  → " + _("The way back, should this not be what you wanted:")
    yield f"    intendance restore guide {case.wanted.name} --back --confirm {case.wanted.name}"
    if guided.removals:
        yield "  → " + _("Once you are sure, what is kept may go:")
        for removal in guided.removals:
            yield f"    {removal}"


def _back_lines(_: Translator, guided: Guided) -> Iterator[str]:
    case = guided.case
    yield _("{name} is as it was before the guided restore.").format(name=case.wanted.name)
    for item in case.items:
        yield "  " + what(_, item)
        yield "    " + _("what had been put in its place is kept: {place}").format(place=_place(item))


def _cancelled_lines(_: Translator, guided: Guided) -> Iterator[str]:
    yield _("The guided restore of {name} is ended; production was never touched.").format(name=guided.case.wanted.name)


def guided_json(guided: Guided) -> dict[str, Any]:
    """`intendance.guided/1`."""
    case = guided.case
    name = shlex.quote(case.wanted.name)
    done = case.state == "done"
    return {
        "schema": "intendance.guided/1",
        "guide": case.id,
        "name": case.wanted.name,
        "site": case.site,
        "state": case.state,
        "step": _step(case),
        "began_at": case.began_at,
        "items": [_item_json(item, aside=case.state in ("open", "done")) for item in case.items],
        "safety": [
            {"asset": each.asset, "set": each.set or None, "store": each.store or None, "unsafe": each.unsafe or None}
            for each in case.safety
        ],
        "next": None if case.state != "open" else f"intendance restore guide {name} --confirm {name}",
        "back": f"intendance restore guide {name} --back --confirm {name}" if done else None,
        "removals": list(guided.removals),
        "evidence": [{"node": guided.node, "seq": seq} for seq in guided.seqs],
    }


def _step(case: Case) -> str:
    """The last of the five steps that is done."""
    if all(item.verified is not None for item in case.items):
        return "verify"
    if case.replaced:
        return "replace"
    return "test" if case.tested else "choose"


def _item_json(item: Item, *, aside: bool) -> dict[str, Any]:
    """One thing that is replaced; `aside`: whether its original may be where it is kept."""
    return {
        "asset": item.asset,
        "engine": item.engine,
        "database": item.target.database,
        "table": item.target.table,
        "paths": list(item.target.paths),
        "present": item.present,
        "point": item.set,
        "store": item.store,
        "reached": item.reached,
        "restored": _place(item),
        "kept": kept_place(item) if aside and item.plan is not None and item.present else None,
        "replaced": item.replaced,
        "tested": [{"name": each.name, "ok": each.ok, "found": each.found} for each in item.tested or ()],
        "verified": [{"name": each.name, "ok": each.ok, "found": each.found} for each in item.verified or ()],
    }
