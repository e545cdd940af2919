"""The manager's own certificate while it serves."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.api.presenting import Presenting
from intendance.fleet.certificates import Certificates, own_certificates
from intendance.system.presented import Presented
from tests.support.clock import MovableClock

NAMES = ("fleet.example.org", "192.0.2.7")


def test_its_own_is_made_anew_a_month_before_its_end_by_the_same_authority(tmp_path: Path) -> None:
    clock, told = MovableClock(datetime(2026, 11, 21, 8, tzinfo=UTC)), list[str]()
    made = own_certificates(tmp_path, NAMES, clock.read().at)
    pin, first = made.pin, made.certificate.read_bytes()
    presented = Presented(made.certificate, made.key)
    presenting = Presenting(presented, tmp_path, clock, told.append)
    clock.move(timedelta(days=366))
    presenting.look()
    assert (made.certificate.read_bytes(), told) == (first, [])
    clock.move(timedelta(days=2))
    presenting.look()
    assert made.certificate.read_bytes() != first
    assert (made.pin, len(told)) == (pin, 1)
    assert "is presented from now on; it ends on" in told[0]
    kept = made.certificate.read_bytes()
    assert own_certificates(tmp_path, NAMES, clock.read().at).certificate.read_bytes() == kept


def test_a_folder_that_cannot_be_written_is_said_and_the_former_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, told = MovableClock(datetime(2026, 11, 21, 8, tzinfo=UTC)), list[str]()
    made: Certificates = own_certificates(tmp_path, NAMES, clock.read().at)
    presenting = Presenting(Presented(made.certificate, made.key), tmp_path, clock, told.append)
    clock.move(timedelta(days=380))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("intendance.fleet.certificates.publish", full)
    presenting.look()
    presenting.look()
    assert len(told) == 1
    assert "could not be made anew" in told[0]
    monkeypatch.undo()
    presenting.look()
    assert "from now on" in told[1]


def test_a_manager_without_a_certificate_has_nothing_in_memory_that_reads_one() -> None:
    """Ten MiB of the 120 that a machine of its own may cost."""
    asked = "import sys, intendance.api.serve; print('cryptography.x509' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=300)
    assert answer.stdout == "False\n"
