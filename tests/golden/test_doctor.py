"""`doctor`, word for word, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

import intendance
from intendance.agent.doctor.examine import Examination
from intendance.cli.doctor import as_json, draw
from intendance.cli.doctor_words import _advice, _sentences, said
from intendance.cli.page import Page, width_of
from intendance.language.texts import translator
from intendance.model.diagnosis import Condition, Finding
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "doctor"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALL = ("ASBL_010", "ASBL_011", "ASBL_012", "ASBL_015")
Language = Literal["en", "fr"]

_OK, _REMARK, _MISSING, _WRONG = Condition.OK, Condition.REMARK, Condition.MISSING, Condition.WRONG
_FINE = (
    Finding(area="plan", subject="web-01", condition=_OK, code="plan_in_force", rules=ALL),
    Finding(area="machine", subject="python", condition=_OK, code="python_fit", params={"version": "3.11.2"}),
    Finding(area="machine", subject="clock", condition=_OK, code="clock_kept", rules=ALL),
    *(
        Finding(
            area="programs",
            subject=name,
            condition=_OK,
            code="program_present",
            params={"program": name, "version": version},
        )
        for name, version in (("gpg", "2.2.40"), ("zstd", "1.5.4"), ("tar", "1.34"), ("mariadb-install-db", ""))
    ),
    Finding(area="state", subject="room", condition=_OK, code="state_room", params={"free_bytes": 70 << 30}),
    Finding(area="state", subject="state", condition=_OK, code="state_private"),
    Finding(
        area="state", subject="ledger", condition=_OK, code="ledger_sealed", params={"records": 1240, "age_s": 540}
    ),
    Finding(
        area="agent", subject="agent", condition=_OK, code="agent_running", params={"version": "0.1.0", "pid": 812}
    ),
    Finding(
        area="keys",
        subject="owner",
        condition=_OK,
        code="key_usable_until",
        params={"name": "owner", "holder": "Ada", "expires_on": "2028-03-01T12:00:00Z"},
    ),
    Finding(
        area="keys", subject="holders", condition=_OK, code="holders", params={"holders": "Ada, Brieuc", "count": 2}
    ),
    Finding(
        area="stores",
        subject="local",
        condition=_OK,
        code="store_usable",
        params={"name": "local", "free_bytes": 812 << 30},
    ),
    Finding(
        area="assets",
        subject="site-files",
        condition=_OK,
        code="tree_readable",
        params={"path": "/srv/site", "names": 48211},
        rules=("ASBL_011", "ASBL_012", "ASBL_015"),
    ),
)
_TROUBLE = (
    Finding(
        area="machine",
        subject="clock",
        condition=_REMARK,
        code="clock_free",
        mend=("apt-get install systemd-timesyncd", "timedatectl set-ntp true"),
        rules=ALL,
    ),
    Finding(
        area="programs",
        subject="zstd",
        condition=_MISSING,
        code="program_missing",
        params={"program": "zstd"},
        mend=("apt-get install zstd",),
        rules=ALL,
    ),
    Finding(
        area="agent",
        subject="agent",
        condition=_MISSING,
        code="agent_silent",
        mend=("systemctl enable --now intendance-agent",),
        rules=ALL,
    ),
    Finding(
        area="keys",
        subject="owner",
        condition=_REMARK,
        code="key_expiring",
        params={"holder": "Ada", "days": 19, "expires_on": "2026-12-10T12:00:00Z"},
        mend=("gpg --quick-set-expire 6F4B1E9A20C75D38A1B293E47C550D1F8A6EB3C9 2y",),
        rules=ALL,
    ),
    Finding(
        area="assets",
        subject="shop-db",
        condition=_WRONG,
        code="grants_missing",
        params={"account": "backup@localhost"},
        mend=("GRANT TRIGGER, EVENT ON `shop`.* TO `backup`@`localhost`;",),
        rules=("ASBL_010", "ASBL_012", "ASBL_015"),
    ),
    Finding(
        area="assets",
        subject="shop-db",
        condition=_REMARK,
        code="binary_log_off",
        params={"settings": "log_bin=OFF, binlog_format=MIXED, sync_binlog=0"},
        mend=("[mariadb]", "log_bin = binlog", "binlog_format = ROW", "sync_binlog = 1"),
        rules=("MAINT_015",),
    ),
    Finding(
        area="stores",
        subject="local",
        condition=_WRONG,
        code="store_refused",
        params={
            "detail": "The store local cannot be reached: the folder /backup does not exist.",
            "advice": "See that its disk is mounted.",
        },
        rules=ALL,
    ),
)


def _examination(*findings: Finding) -> Examination:
    return Examination(
        examined_at=NOW, origin="adopted", file=None, node="web-01", zone="Europe/Brussels", findings=findings
    )


EXAMINATIONS = {"fit": _examination(*_FINE), "unfit": _examination(*_FINE[:6], *_TROUBLE)}


def _drawn(examination: Examination, language: Language, width: int) -> str:
    page = Page(width=width)
    draw(page, translator(language, "doctor", "doctor_words"), examination)
    return golden.text(page.lines)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", EXAMINATIONS)
def test_what_people_read(name: str, language: Language) -> None:
    golden.expect(FOLDER / f"{name}.{language}.txt", _drawn(EXAMINATIONS[name], language, 88))


@pytest.mark.parametrize("name", EXAMINATIONS)
def test_what_machines_read(name: str) -> None:
    golden.expect_json(FOLDER / f"{name}.json", as_json(EXAMINATIONS[name]))


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", EXAMINATIONS)
def test_nothing_is_wider_than_the_terminal_but_what_is_to_be_typed(name: str, language: Language, width: int) -> None:
    lines = _drawn(EXAMINATIONS[name], language, width).splitlines()
    typed = [line for line in lines if "▸" in line]
    assert [line for line in lines if width_of(line) > width and line not in typed] == []


@pytest.mark.parametrize("name", EXAMINATIONS)
def test_french_pages_keep_french_typography(name: str) -> None:
    lines = _drawn(EXAMINATIONS[name], "fr", 100).splitlines()
    prose = re.sub(" +", " ", " ".join(line for line in lines if "▸" not in line))
    prose = prose.replace("The store local cannot be reached: the folder /backup does not exist", "x")
    assert list(french_faults(prose)) == []


def _codes_in_the_code() -> Iterator[str]:
    """Every text in the rooms of `doctor` that looks like a finding's code: the values of `code=` and their like."""
    root = Path(intendance.__path__[0])
    for path in [
        *(root / "agent/doctor").glob("*.py"),
        *root.glob("engines/*/diagnose.py"),
        root / "engines/diagnosing.py",
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_code_has_its_sentence_and_every_sentence_its_code() -> None:
    english = translator("en")
    written = set(_codes_in_the_code())
    assert set(_sentences(english)) - written == set()
    assert set(_advice(english)) - set(_sentences(english)) == set()
    prefixes = tuple({code.partition("_")[0] + "_" for code in _sentences(english)} - {"files_"})
    coded = {text for text in written if re.fullmatch(r"[a-z]+(_[a-z]+)+", text) and text.startswith(prefixes)}
    assert coded - set(_sentences(english)) - _OTHER == set()


_OTHER = {"binlog_format", "binlog_row_image", "binary_log", "key_id", "program_present"}


def test_an_error_of_an_engine_says_its_own_advice() -> None:
    finding = EXAMINATIONS["unfit"].findings[-1]
    assert said(translator("en"), finding, "UTC") == (
        "The store local cannot be reached: the folder /backup does not exist.",
        "See that its disk is mounted.",
    )
