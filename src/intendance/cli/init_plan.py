"""The text of a first plan: YAML with comments, good enough to keep."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from intendance.agent.inventory.propose import ProposedAsset
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass

_PLAIN = re.compile(r"[A-Za-zÀ-ÿ_/][A-Za-zÀ-ÿ0-9_./+-]*")
_WORDS_OF_YAML = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"})
_WIDTH = 118


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact as the plan writes it."""

    name: str
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A recipient as the plan writes it; `own`: the holder had this key before."""

    name: str
    file: str
    fingerprint: str
    held_by: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything that stands in a first plan."""

    fleet: str
    node: str
    organisation: str
    timezone: str
    language: str
    catalogues: Sequence[str]
    store: str
    store_apart: bool
    assets: Sequence[ProposedAsset]
    keys: Sequence[KeyLine]
    contacts: Mapping[str, Person]
    left_out: Sequence[str]


def text(_: Translator, draft: Draft) -> str:
    """The whole file."""
    lines = [
        *_comment(_("How {node} is maintained. `intendance plan check` reads it, `intendance plan adopt` puts it in"
                    " force, `intendance plan schema` explains every option.").format(node=draft.node)),
        "version: 1",
        f"fleet: {_value(draft.fleet)}",
        f"organisation: {{{_organisation(draft)}}}",
        f"catalogues: [{', '.join(draft.catalogues)}]",
        f"node: {{id: {_value(draft.node)}}}",
        "",
        *_comment(_("Who can open the backups: public keys only. This machine cannot read what it stores. Two people at"
                    " least; to use keys that you have, put their public halves here instead.")),
        "keys:",
        "  backup_recipients:",
        *(f"    - {{name: {key.name}, file: {_value(key.file)}, fingerprint: {key.fingerprint}, "
          f"held_by: {key.held_by}}}" for key in draft.keys),
        "",
        *_store(_, draft),
        "",
        *_assets(_, draft),
        *_contacts(_, draft),
        *_left_out(_, draft),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _organisation(draft: Draft) -> str:
    name, zone = _value(draft.organisation), _value(draft.timezone)
    return f"name: {name}, timezone: {zone}, language: {draft.language}"


def _store(_: Translator, draft: Draft) -> Iterator[str]:
    if draft.store_apart:
        yield from _comment(
            _("Where backups are kept: a disk of its own. A copy at another place comes with a later version.")
        )
    else:
        yield from _comment(_("Where backups are kept. This is the machine's own disk: when it dies, they die with it."
                              " Put a second disk or a mounted share here as soon as there is one."))  # fmt: skip
    yield "stores:"
    yield f"  local: {{kind: directory, path: {_value(draft.store)}}}"


def _assets(_: Translator, draft: Draft) -> Iterator[str]:
    yield "assets:"
    daily = "maint" in draft.catalogues
    for number, asset in enumerate(draft.assets):
        yield from _comment(_about(_, asset), indent=2)
        yield f"  {asset.name}:"
        yield f"    kind: {asset.kind}"
        if asset.databases:
            yield f"    databases: [{', '.join(map(_value, asset.databases))}]"
        if asset.kind == "mariadb":
            yield f"    connect: {{socket: {_value(asset.place)}}}"
        else:
            yield f"    path: {_value(asset.place)}"
        if asset.exclude:
            yield f"    exclude: [{', '.join(json.dumps(each) for each in asset.exclude)}]"
        yield "    backup:"
        yield f"      {_schedule(asset, number, daily=daily)}"
        yield f'      inspect: {{schedule: "{(30 + 5 * number) % 60} 5 * * *"}}'
        yield "      stores: [local]"
        yield f"      retention: {{points: {_retention(asset, daily=daily)}}}"
        yield ""


def _schedule(asset: ProposedAsset, number: int, *, daily: bool) -> str:
    minute = 5 * number % 60
    if asset.kind == "mariadb":
        return f'logical: {{schedule: "{minute} 2 * * *"}}'
    if asset.kind == "sqlite":
        return f'full: {{schedule: "{minute} 2 * * *"}}'
    return f'full: {{schedule: "{minute} 3 * * {"*" if daily else "SUN"}"}}'


def _retention(asset: ProposedAsset, *, daily: bool) -> str:
    if daily:
        return "90d"
    return "4w" if asset.kind == "files" else "30d"


def _about(_: Translator, asset: ProposedAsset) -> str:
    if asset.about == "databases":
        if asset.detail:
            told = _("The databases of {folders}. A new one is not in the list by itself: the daily inventory says so.")
            return told.format(folders=asset.detail)
        return _("The databases of this server. A new one is not in the list by itself: the daily inventory says so.")
    return {
        "site": _("The files of a site ({application})."),
        "data": _("Data of the application in {application}, outside of its folder."),
        "settings": _("The settings of the machine, with its certificates and scheduled jobs."),
        "crontabs": _("The scheduled jobs of people."),
        "sqlite": _("A SQLite database: copied at one instant, which a copy of its folder is not."),
    }[asset.about].format(application=asset.detail or "html")


def _contacts(_: Translator, draft: Draft) -> Iterator[str]:
    yield from _comment(_("The people. Write their real names, addresses and telephone numbers (`phone`)."))
    yield "contacts:"
    for slug, person in draft.contacts.items():
        email = f", email: {_value(person.email)}" if person.email else ""
        yield f"  {slug}: {{name: {_value(person.name)}{email}}}"


def _left_out(_: Translator, draft: Draft) -> Iterator[str]:
    if draft.left_out:
        yield ""
        yield from _comment(_("Found on this machine and not in this plan:"))
        for each in draft.left_out:
            yield from _comment(each, hanging=True)


def _comment(sentence: str, *, indent: int = 0, hanging: bool = False) -> list[str]:
    start = " " * indent + ("#   - " if hanging else "# ")
    rest = " " * indent + ("#     " if hanging else "# ")
    plain = sentence.replace("\n", " ")
    return textwrap.wrap(plain, _WIDTH, initial_indent=start, subsequent_indent=rest, break_long_words=False)


def _value(text: str) -> str:
    """A text as YAML writes it: plain where that is certain, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)
