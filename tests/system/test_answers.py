"""What machines read: every `--json` answer of the real command line against its schema in `docs/answers/`."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from intendance.fleet.alerts.recording import Sighting, raise_many
from intendance.fleet.compose import Settings, open_manager
from intendance.fleet.database.connect import to_us
from intendance.model.errors import Exit
from intendance.plan.adopted import encode
from intendance.plan.load import load
from intendance.system.clock import SystemClock
from tests.support import golden
from tests.support.answers import SCHEMAS, closed, schemas
from tests.support.sqlite import members
from tests.support.state import Answer, Site
from tests.support.watching import policy

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/answers"
PROMISED: Mapping[str, tuple[str, ...]] = {
    "status/1": (
        "judged_at", "node", "summary.pass", "summary.fail", "summary.waived", "summary.not_applicable",
        "summary.pending", "summary.unknown", "summary.error", "verdicts.rule", "verdicts.asset", "verdicts.node",
        "verdicts.state", "verdicts.severity", "verdicts.since", "verdicts.reason.code", "verdicts.reason.params",
        "verdicts.because", "verdicts.next_step", "verdicts.attested_by", "verdicts.evidence.node",
        "verdicts.evidence.seq",
    ),
    "points/1": (
        "points.id", "points.asset", "points.engine", "points.kind", "points.started_at", "points.completed_at",
        "points.recoverable_from", "points.recoverable_until", "points.stores.name", "points.stores.inspected_at",
        "points.stores.lock_until", "points.stored_bytes", "points.recipients", "points.drilled_at",
    ),
    "restored/1": (
        "asset", "point", "target", "reached", "seconds.fetch", "seconds.decrypt", "seconds.load", "seconds.replay",
        "seconds.check", "seconds.total", "checks.name", "checks.ok", "checks.found", "evidence.node", "evidence.seq",
    ),
    "plan-check/1": (
        "valid", "problems.file", "problems.line", "problems.column", "problems.path", "problems.rule",
        "problems.message", "problems.fix",
    ),
    "keys/1": (
        "node", "recovery", "keys.name", "keys.held_by", "keys.fingerprint", "keys.first_seen_at", "keys.proven_at",
        "keys.due_at", "keys.challenged_at", "keys.private_half_here",
    ),
    "challenges/1": (
        "challenges.key", "challenges.fingerprint", "challenges.held_by", "challenges.file",
    ),
    "proof/1": ("key", "fingerprint", "held_by", "evidence.node", "evidence.seq"),
    "init/1": (
        "plan", "written", "steps.step", "steps.state", "steps.commands", "recovery?", "assets?.name", "assets?.kind",
        "assets?.place", "assets?.databases", "left_out?.what", "left_out?.code", "left_out?.detail", "keys?.name",
        "keys?.held_by", "keys?.fingerprint", "keys?.passphrase",
    ),
}  # fmt: skip
"""The shapes of the command line's design, and of the keys, of which no field may be renamed or left out.

What ends in `?` stands in an answer that wrote a plan."""


def answers_of(site: Site) -> Iterator[tuple[str, Answer]]:
    """One life of a small node, asked for everything that has an answer for machines."""
    site.write_plan()
    yield "plan-check", site.run("plan", "check", str(site.plan), "--json")
    sound = site.plan.read_text()
    site.plan.write_text(sound.replace("retention: {points: 90d}", "retention: {points: ninety}"))
    yield "plan-check-invalid", site.run("plan", "check", str(site.plan), "--json")
    site.plan.write_text(sound)
    yield "error", site.run("status", "--json")
    yield "plan-show", site.run("plan", "show", str(site.plan), "--json")
    yield "plan-diff-first", site.run("plan", "diff", str(site.plan), "--json")
    yield "adoption", site.run("plan", "adopt", str(site.plan), "--json")
    site.plan.write_text(sound.replace("retention: {points: 90d}", "retention: {points: 91d}"))
    yield "plan-diff", site.run("plan", "diff", str(site.plan), "--json")
    site.plan.write_text(sound)
    yield "adoption-again", site.run("plan", "adopt", str(site.plan), "--json")
    yield "gate-unknown", site.run("gate", "--json")
    yield "backup-run", site.run("backup", "run", "--json")
    yield "backup-inspect", site.run("backup", "inspect", "site-files", "--deep", "--json")
    listed = site.run("backup", "list", "--json")
    yield "backup-list", listed
    point = listed.json["points"][0]["id"]
    yield "backup-show", site.run("backup", "show", point, "--json")
    yield "restore-plan", site.run("restore", "plan", "site-files", "--into", "back", "--json")
    opened = site.keys.owner.environment
    yield "restore-run", site.run("restore", "run", "site-files", "--into", "back", "--json", environment=opened)
    yield "restore-taken", site.run("restore", "run", "site-files", "--into", "back", "--json", environment=opened)
    runs = site.run("run", "list", "--json")
    yield "run-list", runs
    yield "run-show", site.run("run", "show", runs.json["runs"][0]["id"], "--json")
    yield "status", site.run("status", "--json")
    yield "gate", site.run("gate", "--json")
    yield "rules-list", site.run("rules", "list", "--json")
    yield "rules-show", site.run("rules", "show", "ASBL_011", "--json")
    yield "doctor", site.run("doctor", "--json")
    yield "ledger-show", site.run("ledger", "show", "--last", "100", "--json")
    yield "ledger-show-record", site.run("ledger", "show", "0", "--json")
    yield "ledger-verify", site.run("ledger", "verify", "--json")
    yield "ledger-checkpoint", site.run("ledger", "checkpoint", "--json")
    yield "ledger-export", site.run("ledger", "export", str(site.base / "bundle"), "--json")
    yield "ledger-export-part", site.run("ledger", "export", str(site.base / "p.tar"), "--from", "2", "--json")
    yield "ledger-verify-bundle", site.run("ledger", "verify", "--bundle", str(site.base / "p.tar"), "--json")
    checkpoint = site.state / "agent/ledger/checkpoint"
    checkpoint.rename(site.base / "checkpoint")
    yield "ledger-verify-incomplete", site.run("ledger", "verify", "--json")
    (site.base / "checkpoint").rename(checkpoint)
    yield from site_answers(site)
    yield from guide_answers(site)
    yield from key_answers(site)
    yield from fleet_answers(site)


def fleet_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """Of hosts and of a manager."""
    yield from host_answers(site)
    yield from rebuild_answers(site)
    yield from alert_answers(site)
    yield "token-create", site.run("token", "create", "wall", "--scope", "read", "--json")
    yield "token-list", site.run("token", "list", "--json")


def rebuild_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """That machine drills from the store; a third one takes the plan and a ledger out of it."""
    opened, store, laptop = site.keys.owner.environment, str(site.store), site.base / "laptop"
    drill = ("drill", "run", "site-files", "--from-store", store, "--json")
    yield "drill-run", site.run(*drill, state=laptop, environment=opened)
    yield "drill-list", site.run("drill", "list", "--json", state=laptop)
    with site.node() as node:
        (genesis,) = node.book.facts("genesis")
    named = ("--from-store", store, "--fingerprint", genesis.data.openpgp_fingerprint, "--json")
    yield "plan-recover", site.run("plan", "recover", str(site.base / "etc"), *named, environment=opened)
    restart = ("ledger", "restart", *named, "--confirm", "web-01")
    yield "ledger-restart", site.run(*restart, state=site.base / "new")


def alert_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """A manager's state beside it, in which a node is silent and nobody sends what is to be told."""
    clock = SystemClock()
    missing = Sighting(cause="node.missing", urgency="critical", node="web-02", site="liege")
    with (
        open_manager(Settings(state=site.state, fleet="testing"), clock, lambda _: None) as manager,
        manager.database.begin() as connection,
    ):
        raise_many(connection, [missing], policy(), to_us(clock.read().at))
    site.state.joinpath("manager/plan.json").write_bytes(encode(load(site.plan, clock.read().at).valid()))
    yield (
        "alert-silence",
        site.run("alert", "silence", "--match", "node=web-03", "--for", "2h", "--reason", "new disk", "--json"),
    )
    yield "alert-list", site.run("alert", "list", "--json")
    yield "alert-ack", site.run("alert", "ack", "1", "--json")
    yield "alert-show", site.run("alert", "show", "1", "--json")
    yield "alert-unack", site.run("alert", "unack", "1", "--json")
    more = """alerts:
  email: {smtp: "smtp://127.0.0.1:9", from: i@example.org}
  policy: {critical: [{after: "0min", to: admin, by: [email]}]}"""
    site.plan.write_text(f"{site.plan.read_text()}{more}\n")
    site.state.joinpath("manager/plan.json").write_bytes(encode(load(site.plan, clock.read().at).valid()))
    yield "alert-test", site.run("alert", "test", "--wait", "1s", "--json")


def key_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """The keys of that node, one of them proven; and a first plan beside the one in force, twice."""
    yield "keys-prove", site.run("keys", "prove", "--json")
    opened = site.keys.owner.decrypt((site.base / "challenge-owner.asc").read_bytes()).decode()
    code = next(line.split()[-1] for line in opened.splitlines() if line.startswith("The answer is "))
    yield "keys-prove-answer", site.run("keys", "prove", "--answer", code, "--json")
    yield "keys-list", site.run("keys", "list", "--json")
    first = ("init", "--output", str(site.base / "first/intendance.yaml"), "--yes", "--json")
    yield "init", site.run(*first)
    yield "init-again", site.run(*first)


def host_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """A machine beside that node, which looks into its store with a ledger of its own and is believed."""
    laptop = site.base / "laptop"
    looking = ("--plan", str(site.plan), "backup", "inspect", "--host", "laptop", "--json")
    text = site.plan.read_text()
    site.plan.write_text(f"{text}hosts: {{laptop: {{held_by: lead}}}}\n")
    yield "inspected", site.run(*looking, state=laptop)
    key = site.run("ledger", "checkpoint", "--json", state=laptop).json["key"]
    assert site.run("ledger", "export", str(site.base / "laptop.tar"), state=laptop).code == 0
    site.plan.write_text(f'{text}hosts: {{laptop: {{held_by: lead, ledger_key: "{key}"}}}}\n')
    assert site.run("plan", "adopt", str(site.plan), "--confirm", "laptop").code == 0
    yield "imported", site.run("ledger", "import", str(site.base / "laptop.tar"), "--json")


def site_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """The same node with a database beside its files, restored together."""
    site.plan.write_text(
        f"""{site.plan.read_text()}  members:
    kind: sqlite
    path: {members(site.base / "members.sqlite", count=5)}
    backup:
      full: {{schedule: "15 * * * *"}}
      stores: [local]
      retention: {{points: 90d}}
sites:
  crud: {{assets: [site-files, members]}}
"""
    )
    assert site.run("plan", "adopt", str(site.plan)).code == 0
    for asset in ("members", "site-files", "members"):
        assert site.run("backup", "run", asset).code == 0
    yield "site-plan", site.run("restore", "plan", "crud", "--into", "both", "--json")
    opened = site.keys.owner.environment
    yield "site-restored", site.run("restore", "run", "crud", "--into", "both", "--json", environment=opened)


def guide_answers(site: Site) -> Iterator[tuple[str, Answer]]:
    """That database, guided: to the test restore and no further; to its end, and back."""
    words = ("restore", "guide", "members", "--json")
    opened = site.keys.owner.environment
    yield "guide-open", site.run(*words, environment=opened)
    yield "guide-cancelled", site.run(*words, "--cancel", environment=opened)
    yield "guide-done", site.run(*words, "--yes", "--confirm", "members", environment=opened)
    yield "guide-back", site.run(*words, "--back", "--confirm", "members", environment=opened)


CODES = {
    "plan-check-invalid": Exit.USAGE, "error": Exit.USAGE, "restore-taken": Exit.USAGE, "gate-unknown": Exit.UNKNOWN,
    "ledger-verify-incomplete": Exit.PARTIAL, "alert-test": Exit.FAILED, "guide-open": Exit.PARTIAL,
}  # fmt: skip
ANY_CODE = {"status", "gate", "doctor"}
"""What these say depends on the machine, not only on this life."""
KEPT = (
    "adoption", "backup-list", "restore-plan", "restore-run", "restore-taken", "run-list", "run-show", "ledger-show",
    "ledger-show-record", "ledger-verify", "ledger-verify-incomplete", "ledger-checkpoint", "ledger-export",
    "ledger-export-part", "ledger-verify-bundle", "alert-silence", "alert-list", "alert-ack", "alert-show",
    "alert-unack", "alert-test", "guide-open", "guide-done", "guide-back", "inspected", "imported",
    "drill-list", "plan-recover", "ledger-restart", "token-list",
)  # fmt: skip
"""Those whose words are kept; `status`, `gate` and `doctor` have golden files of their own, of lives that are fixed."""
ASKED_OF_A_BUCKET = {"store-attested/1"}
"""Held against its schema in `tests/unit/cli/test_store_attest.py`: this node has no bucket."""
_PLACES = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "INSTANT"),
    (re.compile(r"\b\d{8}T\d{6}Z\b"), "OCCURRENCE"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"\b[0-9A-F]{40}\b"), "FINGERPRINT"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "BOOT"),
    (re.compile(r"person:\S+"), "person:SOMEBODY"),
    (re.compile(r"\d+ bytes, as"), "MANY bytes, as"),
)
_OPAQUE = {"canonical", "checkpoint", "note", "key"}
_OF_THE_DAY = {"thirtieths", "days", "hashed_sets", "hashed_bytes", "yearly"}
_VARYING = {
    "stored_bytes",
    "source_bytes",
    "restored_bytes",
    "bytes",
    "mono_us",
    "tiles",
    "files",
    "engine_version",
    "rpo_seconds",
}


def settled(value: Any, base: Path, key: str = "") -> Any:
    """An answer without what differs from one life to the next."""
    if key == "data" or key in _OF_THE_DAY or (key in _OPAQUE and isinstance(value, str)):
        return "…"
    if isinstance(value, dict):
        return {name: settled(each, base, name) for name, each in value.items()}
    if isinstance(value, list):
        return [settled(each, base) for each in value]
    if key in _VARYING or isinstance(value, float):
        return "…"
    if isinstance(value, str):
        value = value.replace(str(base), "BASE")
        for pattern, word in _PLACES:
            value = pattern.sub(word, value)
    return value


def test_every_answer_has_the_form_that_its_schema_says_and_no_other(bare_site: Site) -> None:
    known = {name: Draft202012Validator(closed(schema)) for name, schema in schemas().items()}
    told: set[str] = set()
    for name, answer in answers_of(bare_site):
        found = answer.json
        schema = found["schema"].removeprefix("intendance.")
        told.add(schema)
        wrong = [f"{list(e.absolute_path)}: {e.message[:300]}" for e in known[schema].iter_errors(found)]
        assert not wrong, (name, wrong)
        expected = CODES.get(name, Exit.DONE)
        assert name in ANY_CODE or answer.code == expected, (name, answer.code, answer.err)
        if name in KEPT:
            golden.expect_json(GOLDEN / f"{name}.json", settled(found, bare_site.base), indent=1)
    assert told | ASKED_OF_A_BUCKET == known.keys()


@pytest.mark.parametrize("name", PROMISED)
def test_the_promised_fields_are_required_by_their_very_names(name: str) -> None:
    for field in PROMISED[name]:
        at = schemas()[name]
        for step in field.split("."):
            at = at.get("items", at)
            assert step.endswith("?") or step in at["required"], f"{name}: {field}"
            at = at["properties"][step.removesuffix("?")]


def emitted() -> set[str]:
    """Every schema that the command line writes, by its source."""
    return {
        node.value.removeprefix("intendance.")
        for path in (ROOT / "src/intendance/cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        and re.fullmatch(r"intendance\.[a-z_-]+/[0-9]+", node.value)
    }  # fmt: skip


def test_schemas_are_valid_named_for_their_file_and_of_answers_that_exist() -> None:
    written, listed = emitted(), (ROOT / "docs/answers.md").read_text(encoding="utf-8")
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        name = schema["$id"].removeprefix("intendance.")
        assert path.name == f"{name.replace('/', '-')}.json"
        assert schema["properties"]["schema"] == {"const": schema["$id"]}
        assert schema["description"].endswith(".")
        assert name in written
        assert f"answers/{path.name}" in listed
