"""From what a page says to its HTML: Jinja's templates, everything escaped, nothing undefined let through."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from intendance import __version__
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.system.shown import unturned
from intendance.web import addresses

Language = Literal["fr", "en"]
MARKS = {"fail": "✖", "unknown": "?", "pending": "◔", "pass": "✔"}
"""The sign before a tab's title, by the shape of the answer."""
_OPTION_OR_WORD = re.compile(r"--[^ ]+ (?!-)[^ ]+|[^ ]+")
"""An option with what it is given, or a word."""
LANGUAGE_NAMES: dict[Language, str] = {"fr": "Français", "en": "English"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An entry of the navigation."""

    name: str
    href: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """The same page in the other language."""

    language: Language
    name: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads: their language, theme and name, and the token that their forms must bring back."""

    language: Language
    theme: str = ""
    person: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What every page has around its content. `data` and `typed` are where the same is found as data, and typed;
    `typed_on` says where that is typed."""

    language: Language
    theme: str
    person: str
    token: str
    version: str
    title: str
    mark: str
    icon: str
    body: str
    organisation: str
    address: str
    places: tuple[Place, ...]
    other: Other
    live: bool
    listens: str
    stopped: bool
    judged: str
    judged_iso: str
    data: str
    typed: str
    typed_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What one page says of itself. `about` is the node whose evidence it shows, if it is one; `stamp` is what the
    stream of changes is compared with. `typed_on` is the node whose command line knows what is `typed`."""

    title: str
    address: str
    mark: str = ""
    icon: str = "plain"
    body: str = ""
    organisation: str = ""
    zone: str = "UTC"
    judged_at: datetime | None = None
    live: bool = False
    about: str = ""
    stamp: str = ""
    stopped: bool = False
    data: str = ""
    typed: str = ""
    typed_on: str = ""


def html(template: str, frame: Frame, reader: Reader, _: Translator, **content: Any) -> str:
    """A whole page. Raises UndefinedError when a template asks for what it was not given."""
    copy = {"ask": _("Copy"), "done": _("Copied")}
    return _environment().get_template(template).render(page=_page(frame, reader, _), _=_, copy=copy, **content)


def load_templates() -> None:
    """Compile every template, so that no page is the first that needs one."""
    environment = _environment()
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)


def frame_of(standing: Standing, title: str, address: str) -> Frame:
    """The frame of a page that shows a standing."""
    return Frame(
        title=title,
        address=address,
        organisation=standing.organisation,
        zone=standing.zone,
        judged_at=standing.judged_at,
        stopped=standing.stopped,
    )


def _page(frame: Frame, reader: Reader, _: Translator) -> Page:
    other: Language = "en" if reader.language == "fr" else "fr"
    judged = frame.judged_at
    joint = "&" if "?" in frame.address else "?"
    return Page(
        language=reader.language,
        theme=reader.theme,
        person=reader.person,
        token=reader.token,
        version=__version__,
        title=frame.title,
        mark=frame.mark,
        icon=frame.icon,
        body=frame.body,
        organisation=frame.organisation,
        address=frame.address,
        places=_places(frame.address, _) if reader.person else (),
        other=Other(
            language=other,
            name=LANGUAGE_NAMES[other],
            href=f"{frame.address or '/'}{joint}lang={other}",
        ),
        live=frame.live,
        listens=f"/live?{urlencode({'node': frame.about, 'seen': frame.stamp})}" if frame.live else "",
        stopped=frame.stopped,
        judged="" if judged is None else dates.moment(judged, frame.zone, reader.language, seconds=True),
        judged_iso="" if judged is None else dates.iso(judged),
        data=frame.data,
        typed=frame.typed,
        typed_on=_("On the command line of {node}").format(node=frame.typed_on)
        if frame.typed_on
        else _("On the command line"),
    )


def _places(address: str, _: Translator) -> tuple[Place, ...]:
    named = (
        (_("Wall"), addresses.WALL),
        (_("Nodes"), addresses.NODES),
        (_("Runs"), addresses.RUNS),
        (_("Rules"), addresses.RULES),
        (_("Alerts"), addresses.ALERTS),
        (_("Ledger"), addresses.LEDGER),
    )
    address = address.partition("?")[0]
    return tuple(
        Place(name=name, href=href, here=address == href or (href != "/" and address.startswith(f"{href}/")))
        for name, href in named
    )


def _unturned(value: object) -> object:
    """Words of others as a page shows them: no override turns the line round. Markup of ours stays markup."""
    return unturned(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_signs(text: str) -> Markup:
    """A text of ours with what it quotes to be typed, between backticks, set as code; all of it escaped."""
    pieces = unturned(text).split("`")
    if len(pieces) % 2 == 0:
        return escape(unturned(text))
    drawn = (Markup("<code>{}</code>").format(each) if at % 2 else escape(each) for at, each in enumerate(pieces))
    return Markup("").join(drawn)


def _with_breaks(path: str) -> Markup:
    """A path that a line may end in, after a slash rather than inside a name."""
    return Markup("/<wbr>").join(escape(each) for each in unturned(path).split("/"))


def _in_words(command: str) -> Markup:
    """A command that a line may end in between its words, never inside an option."""
    words = _OPTION_OR_WORD.findall(unturned(command))
    return Markup(" ").join(Markup("<span>{}</span>").format(each) for each in words)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("intendance.web"),
        autoescape=True,
        finalize=_unturned,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["breaks"] = _with_breaks
    environment.filters["typed"] = _in_words
    environment.filters["signs"] = _with_signs
    return environment
