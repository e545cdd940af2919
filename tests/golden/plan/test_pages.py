"""`plan show`, `plan diff` and `plan adopt`, word for word, in both languages, and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from intendance.agent.adoption import Adoption
from intendance.agent.comparing import Comparison, Outlived
from intendance.catalogue.load import load as load_rules
from intendance.cli import plan_adopt, plan_diff, plan_show
from intendance.language.texts import Translator, translator
from intendance.model.plan import Plan, Recipient
from intendance.plan.compiled import compile_plan
from intendance.plan.declared import by_place, declared
from intendance.plan.diff import changes
from intendance.plan.identity import identity
from intendance.plan.load import published_schema
from intendance.plan.saying import DOMAIN
from tests.support import golden
from tests.support.plans import EXAMPLES, NOON
from tests.support.typography import french_faults

PAGES = Path(__file__).parent / "pages"
LANGUAGES: tuple[Literal["en", "fr"], ...] = ("en", "fr")


def compiled(example: str) -> Plan:
    data = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8"))
    keys = [
        Recipient(
            name=key["name"],
            fingerprint=key["fingerprint"].replace(" ", ""),
            held_by=key["held_by"],
            armored="…",
        )
        for key in data["keys"]["backup_recipients"]
    ]
    return compile_plan(data, keys, Path("/etc/intendance"), by_place(declared(published_schema(), data)))


SITE, WHOLE = compiled("site"), compiled("whole")


def identities(plan: Plan) -> dict[str, str]:
    return {name: identity(asset) for name, asset in plan.assets.items()}


def comparison(former: Plan, new: Plan) -> Comparison:
    return Comparison(
        plan=new,
        seq=1,
        same=former == new,
        changes=changes(former, new, identities(former), identities(new), load_rules()),
        outlived=(
            Outlived(asset="crud-db", points=3, stored_bytes=3 << 30, before=datetime(2026, 10, 22, 12, tzinfo=UTC)),
        )
        if new is SITE and former is not SITE
        else (),
    )


FIRST = Comparison(plan=WHOLE, seq=None, same=False, changes=(), outlived=())
COMPARISONS = {
    "diff-first": FIRST,
    "diff-same": comparison(SITE, SITE),
    "diff-more": comparison(SITE, WHOLE),
    "diff-less": comparison(WHOLE, SITE),
}


def adoption(found: Comparison, **fields: Any) -> Adoption:
    told: dict[str, Any] = {"begun": found.seq is None, "recorded": not found.same, "agent_told": False} | fields
    return Adoption(
        plan=found.plan,
        node=found.plan.node.id,
        seq=7,
        changes=found.changes,
        openpgp_fingerprint="D" * 40,
        source_sha256="0" * 64,
        **told,
    )


ADOPTIONS = {
    "adopt-first": adoption(FIRST),
    "adopt-again": adoption(comparison(SITE, SITE)),
    "adopt-less": adoption(comparison(WHOLE, SITE), agent_told=True),
}


def texts(language: Literal["en", "fr"]) -> Translator:
    return translator(language, "plan", "plan_problems", "plan_show", "plan_diff", "plan_adopt", "run_words", DOMAIN)


def page(name: str, language: Literal["en", "fr"], lines: Iterable[str]) -> None:
    said = "\n".join(lines) + "\n"
    golden.expect(PAGES / f"{name}.{language}.txt", said)
    if language == "fr":
        assert [fault for line in said.splitlines() for fault in french_faults(plain(line))] == []


def plain(line: str) -> str:
    """Without what is no prose: values of the plan, times, the mark of what is severe."""
    return "" if line.startswith("  ") and ": {" in line else line.replace("  ! ", "").replace("  ", "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "plan"), [("show-site", SITE), ("show-whole", WHOLE)])
def test_show(name: str, plan: Plan, language: Literal["en", "fr"]) -> None:
    _ = texts(language)
    said = [plan_show.sentence(_, plan, NOON), "", *plan_show.lines(_, plan, NOON, count=False, talk=print)]
    golden.expect(PAGES / f"{name}.{language}.txt", "\n".join(said) + "\n")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", COMPARISONS)
def test_diff(name: str, language: Literal["en", "fr"]) -> None:
    page(name, language, plan_diff.lines(texts(language), COMPARISONS[name], "intendance.yaml"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ADOPTIONS)
def test_adopt(name: str, language: Literal["en", "fr"]) -> None:
    page(name, language, plan_adopt.lines(texts(language), ADOPTIONS[name], "intendance.yaml"))


@pytest.mark.parametrize("name", COMPARISONS)
def test_diff_for_machines(name: str) -> None:
    golden.expect_json(PAGES / f"{name}.json", plan_diff.answer(COMPARISONS[name], "intendance.yaml"))
