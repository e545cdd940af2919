"""Wrong plans and exactly what `plan check` says of them.

Each case is a change to an example of the manual (or a whole file), its answer stands in `answers/NAME.txt`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.cli.main import run
from intendance.system.clock import SystemClock
from tests.support import golden
from tests.support.clock import MovableClock
from tests.support.gnupg import UnusableKeys
from tests.support.plans import NOON, Plans

ANSWERS = Path(__file__).parent / "answers"

OFFLINE = """    - name: offline
      file: keys/offline.asc
      fingerprint: 0C3D 77A1 5B2E 4F60 98D2 E1A7 36BC 5A90 4D8F 12E5
      held_by: lead
"""
CRUD = "connect: {socket: /run/mysqld/mysqld.sock, credentials: {file: /etc/intendance/mariadb.cnf}}"
NIGHTLY = 'logical: {schedule: "0 2 * * *"}'
ZONE = "timezone: Europe/Brussels"
KEPT = "retention: {points: 30d}"
EXCLUDE = 'exclude: ["cache/*", "logs/*", "*.log"]'

LOOKED_AT = 'inspect: {schedule: "30 5 * * *"}'
DECLARED_WRONG = """manager: {urls: ["http://fleet.example.org"], heartbeat: 60}
hosts: {laptop: {held_by: admim}}
thresholds: {disk: 0.8, memory: 101%, cpu: {above: 70%}, page: 2, connections: 0}
probes:
  - {name: home, url: "asbl.example.org", every: 2d, expect: 20}
  - {name: home, url: "https://user:s3cret@asbl.example.org/", every: 60s, slo: 99,9%}
alerts:
  email: {smtp: "mail.example.org:587", from: intendance}
  policy:
    critical:
      - {after: 10min, to: admin, by: [email, sms, fax]}
      - {after: 0min, to: hosting, by: [email]}
      - {after: 20min, to: lead, by: [sms]}
providers: {hoster: {name: "Hébergeur", phone: "02 987"}}
sites: {crud: {assets: [crud-db]}, more: {assets: [crud-db, site-file]}}
waivers:
  - {rule: MAINT-4, reason: "", ticket: OPS-12, granted_by: nobody, expires: "2027-01-31"}
windows:
  - {name: week-end, rrule: "every saturday", lasts: 2 hours}
  - {name: week-end, rrule: "FREQ=WEEKLY;BYDAY=XX", lasts: 2h}
budget: {currency: "€", year: 26, staff: -1}
duties: {training: annually}
"""
LOOSER = """thresholds: {disk: 95%, memory: 97%, cpu: {above: 90%, for: 20min}, connections: 500}
probes: [{name: home, url: "https://asbl.example.org/", every: 60s, slo: "95%"}]"""
DRILL_WRONG = """drill:
      host: laptop
      schedule: monthly
      checks:
        - {sql: "DELETE FROM members", at_least: 1}
        - {sql: "SELECT 1; SELECT 2", at_least: 1}
        - {sql: "SELECT 1"}
    upkeep: {purge: [{table: audit_logs, column: created_at, older_than: 1 year}]}"""

CHANGES: dict[str, list[tuple[str, str]]] = {
    "unknown-option": [(NIGHTLY, 'logical: {shedule: "0 2 * * *"}')],
    "option-of-another-place": [("catalogues: [asbl]", "catalogues: [asbl]\ntimezone: Europe/Brussels")],
    "unknown-option-without-a-near-one": [("catalogues: [asbl]", "catalogues: [asbl]\nxyzzy: 1")],
    "option-missing": [(f"{KEPT}\n      inspect", "inspect")],
    "sections-missing": [("fleet: asbl-exemple\n", ""), ("catalogues: [asbl]\n", "")],
    "no-value": [("catalogues: [asbl]", "catalogues:")],
    "empty-list": [("stores: [local]\n      retention: {points: 30d}", "stores: []\n      retention: {points: 30d}")],
    "text-for-a-list": [("catalogues: [asbl]", "catalogues: asbl")],
    "number-for-a-text": [("databases: [crud_asbl_ong]", "databases: [2024]")],
    "list-for-a-mapping": [
        ("node: {id: web-01, region: eu-west-3, site: bruxelles, labels: {role: web}}", "node: [web-01]")
    ],
    "retention-without-unit": [(KEPT, "retention: {points: 90}")],
    "retention-in-words": [(KEPT, "retention: {points: 3 months}")],
    "values-looser-than-rules": [
        ("catalogues: [asbl]", f"catalogues: [asbl]\n{LOOSER}"),
    ],
    "retention-below-asbl": [
        (KEPT, "retention: {points: 2w}"),
        ("retention: {points: 4w}", "retention: {points: 27d}"),
    ],
    "retention-below-maint": [("catalogues: [asbl]", "catalogues: [maint, asbl]")],
    "cron-with-four-fields": [(NIGHTLY, 'logical: {schedule: "0 2 * *"}')],
    "cron-with-a-clock": [(NIGHTLY, 'logical: {schedule: "02:00"}')],
    "cron-out-of-range": [(NIGHTLY, 'logical: {schedule: "0 25 * * *"}')],
    "cron-that-never-fires": [(NIGHTLY, 'logical: {schedule: "0 2 31 2 *"}')],
    "cron-by-name": [(NIGHTLY, 'logical: {schedule: "@daily"}')],
    "cron-without-quotes": [(NIGHTLY, "logical: {schedule: * 2 * * *}")],
    "time-zone": [(ZONE, "timezone: Europe/Bruxelles")],
    "time-zone-in-lower-case": [(ZONE, "timezone: europe/brussels")],
    "name-with-capitals": [("  crud-db:", "  CRUD DB:")],
    "value-of-a-choice": [("catalogues: [asbl]", "catalogues: [asbl, mant]")],
    "version-of-another-format": [("version: 1", "version: 2")],
    "asset-of-a-later-version": [("kind: mariadb", "kind: postgresql")],
    "asset-without-a-kind": [("    kind: mariadb\n", "")],
    "store-of-no-known-kind": [("local: {kind: directory,", "local: {kind: dir,")],
    "wrong-in-what-is-only-declared": [("contacts:", DECLARED_WRONG + "contacts:")],
    "wrong-in-a-drill": [(LOOKED_AT, LOOKED_AT + "\n    " + DRILL_WRONG)],
    "secret-in-the-plan": [(CRUD, "connect: {socket: /run/mysqld/mysqld.sock, credentials: hunter2, sockett: x}")],
    "password-in-the-plan": [(CRUD, "connect: {host: db.example.org, user: backup, password: 'hunter 2'}")],
    "secret-with-two-references": [
        ("credentials: {file: /etc/intendance/mariadb.cnf}", "credentials: {file: /etc/x.cnf, env: DB_PASSWORD}")
    ],
    "connection-by-nothing": [(CRUD, "connect: {credentials: {file: /etc/intendance/mariadb.cnf}}")],
    "connection-by-both": [("connect: {socket:", "connect: {host: db.example.org, socket:")],
    "physical-copy-of-another-machine": [
        (CRUD, "connect: {host: db.example.org}"),
        (NIGHTLY, NIGHTLY + '\n      physical: {schedule: "0 1 * * *"}'),
    ],
    "localhost-with-a-port": [("{socket: /run/mysqld/mysqld.sock,", "{host: localhost, port: 3307,")],
    "port-out-of-range": [("{socket: /run/mysqld/mysqld.sock,", "{host: db.example.org, port: 70000,")],
    "relative-path": [("path: /var/www/crud-asbl-ong", "path: www/crud-asbl-ong")],
    "exclusions-that-match-nothing": [(EXCLUDE, 'exclude: ["/cache", "logs/", "!keep.log"]')],
    "exclusion-of-everything": [(EXCLUDE, 'exclude: ["*"]')],
    "store-inside-the-tree": [("path: /var/backups/intendance", "path: /var/www/crud-asbl-ong/backups")],
    "asset-twice": [
        ("    path: /var/www/crud-asbl-ong", "    path: /srv/x\n  more:\n    kind: files\n    path: /srv/./x")
    ],
    "site-named-as-an-asset": [("contacts:", "sites:\n  crud-db: {assets: [crud-db, site-files]}\ncontacts:")],
    "site-with-an-unknown-asset": [("contacts:", "sites:\n  crud: {assets: [crud-db, site-file]}\ncontacts:")],
    "unknown-contact": [("held_by: lead", "held_by: leed")],
    "unknown-store": [
        ("stores: [local]\n      retention: {points: 4w}", "stores: [lokal, nas]\n      retention: {points: 4w}")
    ],
    "one-recipient": [(OFFLINE, "")],
    "recipients-of-one-person": [("held_by: lead", "held_by: admin")],
    "one-person-under-two-names": [
        ('name: "Développeur lead", email: dev@', 'name: "Développeur lead", email: admin@')
    ],
    "key-id-for-a-fingerprint": [("6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9", "7C550D1F8A6EB3C9")],
    "fingerprint-of-another-key": [
        ("6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9", "0123456789ABCDEF0123456789ABCDEF01234567")
    ],
    "key-file-missing": [("keys/owner.asc", "keys/ovner.asc")],
    "key-file-without-a-key": [("keys/owner.asc", "intendance.yaml")],
    "contact-details": [
        ("email: admin@asbl.example.org, phone:", "email: admin, phone:"),
        ('"+32 2 123 45 67"', "021234567"),
    ],
    "tags": [("id: web-01", "id: !env NODE")],
    "duplicate-options": [
        (KEPT, f"{KEPT}\n      retention: {{points: 10d}}"),
        ("fleet: asbl-exemple", "fleet: asbl-exemple\nfleet: b"),
    ],
    "indented-with-a-tab": [("  crud-db:\n    kind", "  crud-db:\n\tkind")],
    "unclosed-bracket": [("catalogues: [asbl]", "catalogues: [asbl")],
    "unclosed-quote": [(ZONE, 'timezone: "Europe/Brussels')],
    "colon-in-a-text": [("region: eu-west-3", "region: eu: west")],
    "many-at-once": [
        ("fleet: asbl-exemple", "fleet: ASBL Exemple"),
        (ZONE, "timezone: Bruxelles"),
        ("catalogues: [asbl]", "catalogue: [asbl]"),
        ("held_by: lead", "held_by: nobody"),
        (NIGHTLY, 'logical: {schedule: "0 2 * * FRIDAY"}'),
        (KEPT, "retention: {points: 90 days}"),
    ],
}

WHOLE: dict[str, bytes] = {
    "empty": b"",
    "only-comments": b"# nothing\n",
    "a-list": b"- version: 1\n",
    "a-text": b"hello\n",
    "latin-1": "version: 1\nfleet: é\n".encode("latin-1"),
    "utf-16": "version: 1\n".encode("utf-16"),
    "control-character": b"version: 1\nfleet: \x07\n",
    "two-documents": b"version: 1\n---\nversion: 1\n",
    "too-large": b"#" + b"x" * (1024 * 1024),
    "too-deep": b"version: " + b"[" * 100_000,
    "alias-bomb": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(97, 106)),
    "alias-of-itself": b"version: &v [*v]\n",
    "alias-of-nothing": b"version: *one\n",
}


def compare(
    name: str,
    plans: Plans,
    text: str | bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    masked: str = "",
) -> None:
    """What `plan check` says of the text, in both languages, word for word."""
    plans.write(text)
    monkeypatch.chdir(plans.folder)
    clock = MovableClock(NOON)  # which gap of a schedule is the longest, and the first such, depends on the day
    monkeypatch.setattr(SystemClock, "read", lambda _: clock.read())
    for language, ending in (("en", "txt"), ("fr", "fr.txt")):
        with pytest.raises(SystemExit) as left:
            run(["--lang", language, "--state", "state", "plan", "check", "intendance.yaml"])
        said = capsys.readouterr()
        assert said.err == ""
        assert left.value.code == 2
        out = said.out
        for holder in (plans.keys.owner, plans.keys.offline):
            out = out.replace(holder.fingerprint, f"FINGERPRINT-OF-{holder.name.upper()}")
        if masked:
            out = out.replace(masked, "FINGERPRINT-OF-OWNER")
        golden.expect(ANSWERS / f"{name}.{ending}", out)


@pytest.mark.gnupg
@pytest.mark.parametrize("name", CHANGES)
def test_a_wrong_option_is_told_with_its_place_and_its_remedy(
    name: str, plans: Plans, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(name, plans, plans.changed(*CHANGES[name]), monkeypatch, capsys)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_no_plan_is_told_in_a_sentence(
    name: str, plans: Plans, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(name, plans, WHOLE[name], monkeypatch, capsys)


@pytest.mark.gnupg
@pytest.mark.parametrize("kind", ["expired", "revoked", "no_encryption", "private"])
def test_a_key_that_cannot_be_used_is_told(
    kind: str,
    plans: Plans,
    unusable_keys: UnusableKeys,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    holder = plans.keys.owner if kind == "private" else getattr(unusable_keys, kind)
    armored = holder.secret() if kind == "private" else holder.armored
    (plans.folder / "keys" / "owner.asc").write_text(armored)
    text = plans.example().replace(plans.keys.owner.fingerprint, holder.fingerprint)
    compare(f"key-{kind.replace('_', '-')}", plans, text, monkeypatch, capsys, holder.fingerprint)


def test_every_answer_belongs_to_a_case() -> None:
    kinds = {f"key-{kind}" for kind in ("expired", "revoked", "no-encryption", "private")}
    names = CHANGES.keys() | WHOLE.keys() | kinds
    assert {path.name for path in ANSWERS.glob("*.txt")} == {
        f"{name}{end}" for name in names for end in (".txt", ".fr.txt")
    }
