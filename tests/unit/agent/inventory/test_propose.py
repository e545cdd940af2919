"""The first plan that is proposed for a machine, and that it is a valid one in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from intendance.agent.inventory.propose import Kind, Proposal, ProposedAsset, propose, slug
from intendance.agent.inventory.take import look
from intendance.cli import init_plan, init_sheet
from intendance.cli.init_plan import Draft, KeyLine, Person
from intendance.language.texts import Language, translator
from intendance.plan.load import check
from tests.support.gnupg import Keys
from tests.support.machines import Disk
from tests.support.plans import NOON

ODD = 'ASBL "Œuvres" <d\'été> & co: # no yes'


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "disk").bare()


def _proposed(disk: Disk, *, root: bool = True) -> Proposal:
    return propose(look(disk.root).evidence, all_powerful=root, crontabs=False)


def _kept(proposal: Proposal) -> list[tuple[str, str, str]]:
    return [(each.name, each.kind, ", ".join(each.databases) or each.place) for each in proposal.assets]


def test_a_machine_with_nothing_keeps_its_settings(disk: Disk) -> None:
    assert _kept(_proposed(disk)) == [("settings", "files", "/etc")]


def test_somebody_who_may_not_read_all_is_told_what_is_left_out(disk: Disk) -> None:
    proposal = _proposed(disk, root=False)
    assert proposal.assets == ()
    assert [(each.what, each.code) for each in proposal.left_out] == [("/etc", "not_root")]


def test_wordpress_of_debian_keeps_its_database_content_and_settings(disk: Disk) -> None:
    disk.apache().mariadb(blog=12).wordpress_of_debian("blog.example.org")
    proposal = _proposed(disk)
    assert _kept(proposal) == [
        ("blog-db", "mariadb", "blog"),
        ("blog-example-org-data", "files", "/var/lib/wordpress/wp-content"),
        ("settings", "files", "/etc"),
    ]
    assert [(each.what, each.code) for each in proposal.left_out] == [("/usr/share/wordpress", "package")]


def test_everything_at_once_has_names_of_its_own_and_reasons(disk: Disk) -> None:
    disk.apache().mariadb(shop=3, club=2)
    for number in range(2):
        disk.wordpress_by_hand(f"/srv/{number}/html", "shop")
        disk.apache_site(f"s{number}", f"/srv/{number}/html")
    disk.wordpress_by_hand("/srv/far", "far", "db.example.org")
    disk.apache_site("far", "/srv/far")
    disk.sqlite("/var/lib/grafana/grafana.db")
    disk.file("/etc/postgresql/15/main/postgresql.conf", "port = 5432\n")
    proposal = _proposed(disk)
    names = [each.name for each in proposal.assets]
    assert len(set(names)) == len(names)
    assert _kept(proposal) == [
        ("databases", "mariadb", "club, shop"),
        ("wordpress-files", "files", "/srv/0/html"),
        ("wordpress-files-2", "files", "/srv/1/html"),
        ("far-files", "files", "/srv/far"),
        ("grafana-sqlite", "sqlite", "/var/lib/grafana/grafana.db"),
        ("settings", "files", "/etc"),
    ]
    assert {each.code for each in proposal.left_out} == {"remote", "postgresql"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Œuvres d'été", "oeuvres-d-ete"),
        ("web_01.example", "web-01-example"),
        ("日本", "x"),
        ("-a-", "a"),
        ("é" * 60, "e" * 40),
    ],
)
def test_names_become_names_of_the_plan(written: str, name: str) -> None:
    assert slug(written) == name


def _draft(proposal: Proposal, keys: Keys, *catalogues: str, language: str = "en", name: str = ODD) -> Draft:
    return Draft(
        fleet="web-01",
        node="web-01",
        organisation=name,
        timezone="Europe/Brussels",
        language=language,
        catalogues=catalogues,
        store="/var/backups/intendance",
        store_apart=False,
        assets=proposal.assets,
        keys=[
            KeyLine(name="owner", file="keys/owner.asc", fingerprint=keys.owner.fingerprint, held_by="admin"),
            KeyLine(name="guardian", file="keys/guardian.asc", fingerprint=keys.offline.fingerprint, held_by="second"),
        ],
        contacts={"admin": Person(name=ODD, email="admin@example.org"), "second": Person(name="Yes")},
        left_out=["something " * 30, "a # sign\nand a new line"],
    )


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("catalogues", [("asbl",), ("maint",), ("maint", "asbl")])
def test_the_text_is_a_valid_plan(
    disk: Disk, keys: Keys, tmp_path: Path, catalogues: tuple[str, ...], language: Language
) -> None:
    disk.apache().mariadb(**{"my@002dblog": 12, "no": 1}).wordpress_of_debian("blog.example.org")
    disk.sqlite("/var/lib/grafana/grafana.db")
    draft = _draft(_proposed(disk), keys, *catalogues, language=language)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/owner.asc").write_text(keys.owner.armored)
    (tmp_path / "keys/guardian.asc").write_text(keys.offline.armored)
    text = init_plan.text(translator(language, "init_plan"), draft)
    checked = check(text.encode(), file="intendance.yaml", folder=tmp_path, now=NOON)
    assert [f"{each.path}: {each.message}" for each in checked.problems] == []
    assert checked.plan is not None
    assert checked.plan.catalogues == catalogues
    assert list(checked.plan.assets) == ["databases", "blog-example-org-data", "grafana-sqlite", "settings"]
    written = yaml.safe_load(text)
    assert written["organisation"]["name"] == ODD
    assert written["contacts"]["second"]["name"] == "Yes"
    assert written["assets"]["databases"]["databases"] == ["my-blog", "no"]
    assert max(len(line) for line in text.splitlines()) <= 130


class _Page(HTMLParser):
    """The tags that are open, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_recovery_sheet_says_all_that_is_needed(disk: Disk, keys: Keys, language: Language) -> None:
    disk.apache().mariadb(blog=12).wordpress_of_debian("blog.example.org")
    draft = _draft(_proposed(disk), keys, "asbl", language=language)
    _ = translator(language, "init_sheet")
    html = init_sheet.page(_, draft, node_key=keys.node.fingerprint, day="22 November 2026")
    page = _Page()
    page.feed(html)
    assert page.open == []
    assert page.tags & {"script", "img", "link", "iframe", "d"} == set()
    plain = re.sub(r"\s", "", page.text)
    for key in (keys.owner, keys.offline, keys.node):
        assert key.fingerprint in plain
    for needed in (
        "/var/backups/intendance/web-01/web-01/",
        f"RESTORE.shcheck{keys.node.fingerprint}",
        "RESTORE.shsqldb-NAME",
        "admin@example.org",
    ):
        assert needed in plain
    assert ODD.replace(" ", "") in plain
    assert "<d'" not in html


def test_the_recovery_sheet_stays_one_page_however_long_the_names_are(keys: Keys) -> None:
    """Printed with these, it was one page of A4: what grows with the plan is bounded, and databases have their step."""
    kinds: tuple[Kind, ...] = ("mariadb", "sqlite", *("files",) * 14)
    place = "/var/www/html/applications/site/public_html/data/store.sqlite"
    assets = [ProposedAsset(name=f"a{n}", kind=kind, place=place, about="site") for n, kind in enumerate(kinds)]
    draft = replace(_draft(Proposal(assets=(), left_out=()), keys, "asbl"), assets=assets)
    _ = translator("en", "init_sheet")
    html = init_sheet.page(_, draft, node_key=keys.node.fingerprint, day="22 November 2026")
    assert len(re.findall(re.escape(place), html)) == 4
    assert ", …</td>" in html
    assert "sh RESTORE.sh sql db-NAME" in html
    assert "sh RESTORE.sh raw db &gt;" in html
    own = replace(draft, keys=[replace(each, own=True) for each in draft.keys])
    assert "private-key.asc</code> in" in html
    assert "private-key.asc</code> in" not in init_sheet.page(_, own, node_key=keys.node.fingerprint, day="today")
