"""The rules as compiled are the rules as written; what was edited since is read from YAML."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intendance.catalogue import load as loading
from intendance.catalogue.load import COMPILED, compiled, load

PACKAGE = Path(loading.__file__).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    place = tmp_path / "catalogue"
    (place / "rules").mkdir(parents=True)
    for source in (PACKAGE / "reasons.yaml", *(PACKAGE / "rules").glob("*.yaml")):
        shutil.copy(source, place / source.relative_to(PACKAGE))
    return place


def test_what_is_compiled_is_of_the_rules_as_they_are() -> None:
    written = (PACKAGE / COMPILED).read_text(encoding="utf-8")
    assert written == compiled(), "run `./dev sh -- python docs/generate.py`"


def test_compiled_or_not_the_rules_are_the_same(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from_yaml = load(copy)
    (copy / COMPILED).write_text(compiled(copy), encoding="utf-8")
    monkeypatch.setattr(loading, "_parse", lambda _: pytest.fail("YAML was read"))
    assert load(copy) == from_yaml
    assert list(load(copy).rules) == list(from_yaml.rules)


def test_an_edited_rule_counts_at_once(copy: Path) -> None:
    (copy / COMPILED).write_text(compiled(copy), encoding="utf-8")
    source = copy / "rules" / "backup.yaml"
    source.write_text(source.read_text(encoding="utf-8").replace("severity: blocking", "severity: warning"))
    changed = [rule.severity for rule in load(copy).rules.values() if rule.family == "backup"]
    assert "blocking" not in changed


def test_a_rule_file_more_or_less_counts_too(copy: Path) -> None:
    (copy / COMPILED).write_text(compiled(copy), encoding="utf-8")
    (copy / "rules" / "capacity.yaml").unlink()
    assert "capacity" not in load(copy).families


@pytest.mark.parametrize("damage", [b"", b"{}", b"[", b'{"sources_sha256":"0","common":{},"families":{},"rules":[{}]}'])
def test_what_cannot_be_read_is_passed_over(copy: Path, damage: bytes) -> None:
    from_yaml = load(copy)
    (copy / COMPILED).write_bytes(damage)
    assert load(copy) == from_yaml
