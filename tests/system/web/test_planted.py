"""What a taken node plants in all that it says, in real Chromium: every page shows it, and nothing of it acts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Dialog, Page, ViewportSize, sync_playwright
from sqlalchemy import func, select

from intendance.fleet.alerts.rules import watch
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.tables import evidence_record, run_attempt
from intendance.ledger.book import Book
from intendance.ledger.keys import load_key
from intendance.ledger.note import checkpoint_text, sign_note
from tests.contract.fleet.test_floods import served
from tests.golden.lives import live
from tests.support.asking import Asked
from tests.support.browsers import LETTERS_ARE_THERE, launched
from tests.support.hostile import INSTANT, Change, Taken, join
from tests.support.state import until
from tests.support.watching import policy
from tests.system.web.conftest import PASSWORD

PATIENCE_MS = 120_000
PHONE: ViewportSize = {"width": 360, "height": 640}
RIGHT_TO_LEFT = "\u202e\u202b\u2066\u2067\u200f\u061c"
PLANTS = {
    "markup": (
        "\"><script>planted()</script><img src=x onerror=planted() data-planted>'><planted-x onmouseover=planted()>"
        "</textarea></title></style></script></svg></code></pre><iframe src=//elsewhere.example></iframe>"
        '<base href=//elsewhere.example><style>*{display:none}</style><a href="javascript:planted()">x</a>'
    ),
    "attributes": (
        '" hx-get="/logout" hx-trigger="load" hx-on:click="planted()" data-planted="1" style="position:fixed" x=\''
        " javascript:planted() {{7*7}}{% set x=1 %}${7*7}"
        "\n\nevent: over\ndata: planted\nid: 9\n\n\r\nSet-Cookie: planted=1"
    ),
    "letters": f"{RIGHT_TO_LEFT}txt.exe\u2028\x1b]0;planted\x07\x9b31m\u0085{'W' * 250}",
}
"""What each of three nodes adds to each of its words."""
WATCHING = """
window.told = [];
window.swaps = 0;
addEventListener("htmx:after:swap", () => ++window.swaps);
window.planted = () => window.told.push("a script ran");
const refused = each => window.told.push(`policy: ${each.violatedDirective} ${each.blockedURI}`);
addEventListener("securitypolicyviolation", refused, true);
"""
STEERS = re.compile(r"[;&|<>`$()'\"\x00-\x1f\x7f-\x9f]")
LOOK = """() => {
  const all = [...document.querySelectorAll("*")], told = [...window.told];
  const made = all.filter(e => e.matches("planted-x,[data-planted],img,iframe,base,style,object,embed,textarea"));
  told.push(...made.map(e => `made: ${e.outerHTML.slice(0, 80)}`));
  for (const e of all) for (const a of e.attributes) {
    if (/^on|^style$/.test(a.name)) told.push(`attribute: ${e.tagName} ${a.name}`);
    const ours = ["live", "content"].includes(e.id) || a.name === "hx-morph-skip";
    if (/^(data-)?hx-/.test(a.name) && !ours) told.push(`htmx: ${e.tagName} ${a.name}`);
  }
  for (const e of document.querySelectorAll("a[href],form[action],[src]")) {
    const to = new URL(e.getAttribute("href") || e.getAttribute("action") || e.getAttribute("src"), location.href);
    if (to.origin !== location.origin) told.push(`leads away: ${to}`);
  }
  const words = document.documentElement.outerHTML + document.title;
  if (/[\\u202a-\\u202e\\u2066-\\u2069\\u200e\\u200f\\u061c]/.test(words)) told.push("turned round");
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = all.filter(e => e.getBoundingClientRect().right > innerWidth + 1).pop();
    told.push(`wider than its window: ${document.documentElement.scrollWidth} ${wide && wide.outerHTML.slice(0, 80)}`);
  }
  return told;
}"""


def bare(command: str) -> str:
    """A command without what stands in quotation marks."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "", command) + "".join(re.findall(r"[\x00-\x1f\x7f-\x9f]", command))


def _with(plant: str) -> Change:
    """Each word of a record with the plant behind it, but what its kind would refuse."""

    def changed(path: tuple[str, ...], value: Any) -> Any:
        kept = "catalogues" in path or path == ("ts",) or not isinstance(value, str) or INSTANT.match(value)
        return value if kept else value + plant

    return changed


def _showing(node: Taken, text: str) -> str:
    """A head of another history, with lines of its own, as their key signs it."""
    name = node.book.key.name
    body = checkpoint_text(name, len(node.contents), b"\x07" * 32) + text.replace("\n", " ").replace("\r", " ") + "\n"
    return sign_note(body, name, load_key(node.state / "agent" / "keys" / "ledger.key")).decode()


@dataclass(slots=True)
class Fleet:
    """A manager with three nodes that were taken, where it is served, and what went wrong in browsers."""

    asked: Asked
    nodes: dict[str, Taken]
    address: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        """The manager's."""
        return self.asked.database

    def judge(self) -> None:
        """Judge, and ring."""
        self.asked.verdicts.judge_due()
        with self.database.begin() as connection:
            watch(connection, policy(), to_us(self.asked.clock.at))

    def beat(self, name: str) -> None:
        """A heartbeat whose words are planted."""
        node, plant = self.nodes[name], PLANTS[name][:150]
        beat = replace(node.beat(checkpoint=""), boot=f"b{plant}", software=f"intendance 1{plant}")
        self.asked.manager.ingest.hear(node.bearer, beat)
        self.asked.manager.ingest.flush()

    def pages(self, name: str, records: int = 100) -> list[str]:
        """Every page about a node: one record of each kind, so many of them."""
        record, here = evidence_record.c, evidence_record.c.node == name
        with self.database.read() as connection:
            assets = connection.execute(select(record.asset).where(here).distinct()).scalars().all()
            seqs = connection.execute(select(func.min(record.seq)).where(here).group_by(record.kind)).scalars().all()
            runs = connection.execute(
                select(func.min(run_attempt.c.run)).where(run_attempt.c.node == name).group_by(run_attempt.c.activity)
            )
            named = [f"/runs/{name}/{quote(run, safe='')}" for run in runs.scalars() if "/" not in run]
        kept = [each for each in assets if each is not None and "/" not in each]
        return [
            f"/nodes/{name}",
            f"/nodes/{name}/plan",
            f"/ledger/{name}",
            f"/runs?node={name}",
            *(f"/nodes/{name}/assets/{quote(each, safe='')}" for each in kept),
            *(f"/runs?node={name}&asset={quote(each, safe='')}" for each in kept[:1]),
            *named,
            *(f"/ledger/{name}/{seq}" for seq in seqs[:records]),
        ]

    def common(self) -> list[str]:
        """The pages about all nodes, and what a stranger's address plants."""
        alerts = [f"/alerts/{each.told.number}" for each in self.asked.alerts.listed()[:3]]
        plant = quote(PLANTS["markup"].replace("/", "."), safe="")
        return ["/", "/nodes", "/runs", "/rules", "/rules/ASBL_012", "/alerts", *alerts, "/ledger", "/ledger/.log",
                "/account", f"/nodes/{plant}", f"/nodes?site={plant}", f"/runs?node={plant}"]  # fmt: skip


@pytest.fixture
def fleet(with_people: Path, tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        (tmp_path / "life").mkdir()
        clock = live("trouble", tmp_path / "life")
        shutil.copy(with_people, tmp_path / "manager.db")
        database = stack.enter_context(open_database(tmp_path / "manager.db"))
        asked = Asked(database, clock, say=lambda _: None)
        told = stack.enter_context(Book.open(tmp_path / "life", clock))
        nodes = {name: join(asked.manager, Taken(name, clock, tmp_path / name)) for name in PLANTS}
        found = Fleet(asked, nodes)
        for name, node in nodes.items():
            stack.callback(node.book.close)
            assert node.retell(told, _with(PLANTS[name]), envelope_change=_with(PLANTS[name])) > 100
            node.hand_over(asked.manager)
            asked.manager.evidence.look_at(name, 1, _showing(node, PLANTS[name]), 0)
            found.beat(name)
        found.judge()
        found.address = "http://{}:{}".format(*stack.enter_context(served(asked.app)))
        yield found
        asked.live.end()


@pytest.fixture
def chromium() -> Iterator[Chromium]:
    with sync_playwright() as browsers:
        opened = launched(browsers)
        yield opened
        opened.close()


def _open(chromium: Chromium, fleet: Fleet, name: str, locale: str) -> Page:
    """Somebody who logged in; whatever goes wrong from here on is noted."""
    plant = PLANTS["markup"].encode("ascii", "ignore").decode()
    context = chromium.new_context(locale=locale, viewport=PHONE, user_agent=f"Mozilla/5.0 {plant}")
    context.add_init_script(WATCHING)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda each: fleet.faults.append(f"console: {each.text}") if each.type == "error" else None)
    page.on("pageerror", lambda each: fleet.faults.append(f"error: {each}"))
    page.on("dialog", partial(_dismiss, fleet))
    page.on("request", lambda each: _expect_own(fleet, each.url))
    page.goto(f"{fleet.address}/login")
    page.fill("#name", PLANTS["markup"])
    page.fill("#password", PASSWORD)
    _submit(page)
    _look(page, fleet)
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    _submit(page)
    fleet.faults.clear()  # the console tells of the 401
    return page


def _dismiss(fleet: Fleet, dialog: Dialog) -> None:
    fleet.faults.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _submit(page: Page) -> None:
    with page.expect_navigation():
        page.click("main button[type=submit]")


def _expect_own(fleet: Fleet, url: str) -> None:
    if not url.startswith(fleet.address):
        fleet.faults.append(f"asked elsewhere: {urlsplit(url).netloc}")


def _look(page: Page, fleet: Fleet) -> None:
    """Nothing that was planted became anything but text."""
    page.evaluate(LETTERS_ARE_THERE)
    found = page.evaluate(LOOK)
    fleet.faults += [f"{page.url[len(fleet.address) :][:80]}: {each}" for each in found]


def _walk(page: Page, fleet: Fleet, paths: list[str]) -> int:
    """Look at pages; how many show what was planted, as text."""
    shown = 0
    for path in paths:
        answer = page.goto(f"{fleet.address}{path}", wait_until="load")
        assert answer is not None
        assert answer.status in (200, 404), (path, answer.status)
        assert "planted" not in answer.headers.get("set-cookie", "")
        _look(page, fleet)
        shown += "planted()" in page.evaluate("document.body.innerText")
        typed = page.evaluate("[...document.querySelectorAll('.cmd code,.foot dd>code')].map(e => e.textContent)")
        fleet.faults += [f"{path[:80]}: more than one command: {each}" for each in typed if STEERS.search(bare(each))]
    return shown


def _see_change(page: Page, fleet: Fleet) -> None:
    """An open page takes in what comes later, by the stream and htmx; then it is printed."""
    page.goto(f"{fleet.address}/nodes/markup", wait_until="load")
    until(lambda: fleet.asked.live.open_streams > 0, "the page to listen")
    fleet.asked.clock.move(timedelta(minutes=2))
    for name in PLANTS:
        fleet.beat(name)
    fleet.nodes["markup"].say(fleet.nodes["markup"].made("plan.unheard" + PLANTS["markup"], {}))
    fleet.nodes["markup"].hand_over(fleet.asked.manager)
    fleet.judge()
    page.wait_for_function("() => window.swaps > 0")
    _look(page, fleet)
    page.emulate_media(media="print")
    _look(page, fleet)
    page.emulate_media(media="screen")


def test_every_page_shows_what_was_planted_and_nothing_of_it_acts(fleet: Fleet, chromium: Chromium) -> None:
    who = {"omar": ("fr-BE", "markup"), "vera": ("en-GB", "attributes"), "ana": ("fr-BE", "letters")}
    shown = {}
    for name, (locale, plant) in who.items():
        page = _open(chromium, fleet, name, locale)
        common = fleet.common() if name == "omar" else ["/", "/runs", "/account"]
        shown[plant] = _walk(page, fleet, [*common, *fleet.pages(plant, 100 if name == "omar" else 3)])
        if name == "omar":
            _see_change(page, fleet)
        page.context.close()
    faults = [each for each in fleet.faults if "404" not in each]
    assert faults == []
    assert shown["markup"] > 10
    assert shown["attributes"] > 3
