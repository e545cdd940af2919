"""What a backup into a bucket costs in memory: the same whatever its size (`./dev bench s3` does it with 1 GiB)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.memory import peaks
from tests.support.radosgw import Shelf
from tests.support.state import Site, until

pytestmark = pytest.mark.gnupg
LIMIT_MIB, GROWTH_MIB = 130, 12


class Signing:
    """A `gpg` on the site's PATH that waits before it signs, when all parts are stored: a worker held where it has been
    as large as it gets, however seldom somebody comes to look."""

    def __init__(self, site: Site) -> None:
        self._folder = site.base / "signing"
        self._folder.mkdir()
        real = shutil.which("gpg")
        program = self._folder / "gpg"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *--detach-sign*) ;; *) exec {real} "$@";; esac\n'
            f'cat >"{self._folder}/said"\n: >"{self._folder}/reached"\n'
            f'while [ ! -e "{self._folder}/open" ]; do sleep 0.05; done\n'
            f'exec {real} "$@" <"{self._folder}/said"\n'
        )
        program.chmod(0o755)
        self.environment = {"PATH": f"{self._folder}:{os.environ['PATH']}"}

    @property
    def is_reached(self) -> bool:
        return self._place("reached").exists()

    def open(self) -> None:
        """Let it sign."""
        self._place("open").touch()

    def close(self) -> None:
        """For the next one."""
        for name in ("reached", "open"):
            self._place(name).unlink()

    def _place(self, name: str) -> Path:
        return self._folder / name


def test_a_workers_memory_does_not_grow_with_the_set(bare_site: Site, shelf: Shelf) -> None:
    site = bare_site
    site.write_plan(full=None)
    declared = shelf.declared
    there = f'bucket: {shelf.bucket}, region: {declared.region}, endpoint: "{declared.endpoint}"'
    bucket = f"offsite: {{kind: s3, {there}, credentials: {{file: {declared.credentials.file}}}}}"
    text = site.plan.read_text().replace("stores: [local]", "stores: [offsite]")
    site.plan.write_text(text.replace("\nstores:\n", f"\nstores:\n  {bucket}\n"))
    site.adopt()
    signing = Signing(site)
    largest = []
    for mib in (2, 32):
        (site.tree / "photos").write_bytes(os.urandom(mib << 20))
        running = site.start("backup", "run", "site-files", "--no-inspect", environment=signing.environment)
        until(lambda running=running: signing.is_reached or running.poll() is not None, "the set to be signed")  # type: ignore[misc]
        assert running.poll() is None, running.communicate()[1]
        largest.append(max(peaks(running.pid, "python")))  # of the command and its worker, the worker
        signing.open()
        _, said = running.communicate(timeout=300)
        assert running.returncode == 0, said
        signing.close()
    small, large = largest
    assert 20 < small < LIMIT_MIB
    assert large < LIMIT_MIB
    assert large - small < GROWTH_MIB, largest
