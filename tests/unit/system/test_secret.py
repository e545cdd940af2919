"""A secret is read where the plan says it is, for whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.model.secret import SecretReference
from intendance.plan.alerting import secret_of
from intendance.system.secret import SecretUnusable, read_secret


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_file_in_a_home_is_that_of_whoever_asks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "s3-delete.ini").write_text("of one")
    (home / "s3-delete.ini").chmod(0o600)
    reference = secret_of({"file": "~/s3-delete.ini"}, Path("/etc/intendance"))
    assert reference is not None
    assert read_secret(reference) == "of one"
    other = home / "other"
    other.mkdir()
    monkeypatch.setenv("HOME", str(other))
    with pytest.raises(SecretUnusable) as told:
        read_secret(reference)
    assert str(other / "s3-delete.ini") in told.value.detail


@pytest.mark.parametrize(
    ("written", "stands"),
    [
        ("s3.ini", "/etc/intendance/s3.ini"),
        ("/var/lib/s3.ini", "/var/lib/s3.ini"),
        ("~", "/etc/intendance/~"),
        ("~s3.ini", "/etc/intendance/~s3.ini"),
    ],
)
def test_any_other_file_is_one_of_the_plans_folder_or_of_the_root(written: str, stands: str) -> None:
    assert secret_of({"file": written}, Path("/etc/intendance")) == SecretReference(file=stands)


def test_who_has_no_home_is_told_to_write_the_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(SecretUnusable) as told:
        read_secret(SecretReference(file="~/s3.ini"))
    assert "whole path" in told.value.remedy
