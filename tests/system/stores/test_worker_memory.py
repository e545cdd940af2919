"""What a backup into a bucket costs in memory: the same whatever its size (`./dev bench s3` does it with 1 GiB)."""

from __future__ import annotations

import os

import pytest

from tests.support.memory import Peaks
from tests.support.radosgw import Shelf
from tests.support.state import Site

pytestmark = pytest.mark.gnupg
LIMIT_MIB, GROWTH_MIB = 130, 12


def test_a_workers_memory_does_not_grow_with_the_set(bare_site: Site, shelf: Shelf) -> None:
    site = bare_site
    site.write_plan(full=None)
    declared = shelf.declared
    there = f'bucket: {shelf.bucket}, region: {declared.region}, endpoint: "{declared.endpoint}"'
    bucket = f"offsite: {{kind: s3, {there}, credentials: {{file: {declared.credentials.file}}}}}"
    text = site.plan.read_text().replace("stores: [local]", "stores: [offsite]")
    site.plan.write_text(text.replace("\nstores:\n", f"\nstores:\n  {bucket}\n"))
    site.adopt()
    peaks = []
    for mib in (2, 32):
        (site.tree / "photos").write_bytes(os.urandom(mib << 20))
        running = site.start("backup", "run", "site-files", "--no-inspect")
        with Peaks(running.pid) as watch:
            _, said = running.communicate(timeout=300)
        peaks.append(max(watch.of("python")))  # of the command and its worker, the worker
        assert running.returncode == 0, said
    small, large = peaks
    assert 20 < small < LIMIT_MIB
    assert large < LIMIT_MIB
    assert large - small < GROWTH_MIB, peaks
