"""What is large: a table of 5 GB, a tree of 300,000 files. Memory stays what it is with little, and all comes back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intendance.engines.private_mariadb import PrivateServer, ServerSizes
from tests.support.memory import Peaks
from tests.support.state import Site, half_a_day_away

pytestmark = [pytest.mark.gnupg, pytest.mark.long]

LIMIT_MIB = 128
"""For each process of Intendance; what it starts (tar, zstd, gpg, MariaDB) has its own habits."""

PATIENCE_SECONDS = 3600.0
ROWS, ROW_BYTES = 2_560_000, 2048
FILES, PER_FOLDER = 300_000, 500


def watched(site: Site, *words: str) -> float:
    """Perform a command; the peak memory in MiB of the largest of our own processes."""
    command = site.start(*words, environment=site.keys.owner.environment)
    with Peaks(command.pid) as peaks:
        _, err = command.communicate(timeout=PATIENCE_SECONDS)
    assert command.returncode == 0, err
    ours = peaks.of("python")
    sys.stdout.write(f"{words}: {ours[:3]} MiB\n")  # pytest -rP shows it
    return ours[0]


# --- a table of 5 GB ------------------------------------------------------------------------------------------------


def checksum(server: PrivateServer, database: str) -> str:
    """That of all rows, as the server computes it by reading them."""
    answer = server.execute(f"CHECKSUM TABLE {database}.letters EXTENDED", deadline_seconds=PATIENCE_SECONDS)
    return answer.split()[-1]


@pytest.fixture
def archive(bare_site: Site, mariadb_servers: Callable[..., PrivateServer]) -> tuple[Site, PrivateServer]:
    """A site with a server whose one table holds 5 GB; no row is like another."""
    server = mariadb_servers(sizes=ServerSizes(buffer_pool_mib=512, redo_log_mib=512))
    server.execute("CREATE DATABASE archive; CREATE TABLE archive.letters (id INT PRIMARY KEY, body VARCHAR(4000))")
    words = ",".join(f"SHA2(CONCAT({part}, seq), 512)" for part in range(4))
    server.execute(
        f"INSERT INTO letters SELECT seq, REPEAT(CONCAT({words}), {ROW_BYTES // 512}) FROM seq_1_to_{ROWS}",
        database="archive",
        deadline_seconds=PATIENCE_SECONDS,
    )
    sized = server.execute("SELECT SUM(LENGTH(body)) FROM archive.letters", deadline_seconds=PATIENCE_SECONDS)
    assert int(sized) > 5 * 10**9
    kinds = "".join(f'      {kind}: {{schedule: "{half_a_day_away()} *"}}\n' for kind in ("logical", "physical"))
    bare_site.write_plan(
        more=f"""  crud-db:
    kind: mariadb
    databases: [archive]
    connect: {{socket: {server.socket}}}
    backup:
{kinds}      stores: [local]
      retention: {{points: 90d}}
"""
    )
    bare_site.adopt()
    return bare_site, server


@pytest.mark.mariadb
@pytest.mark.usefixtures("mariadb_backup")
def test_a_table_of_five_gigabytes_comes_back_from_either_kind(archive: tuple[Site, PrivateServer]) -> None:
    site, server = archive
    wanted = checksum(server, "archive")

    assert watched(site, "backup", "run", "crud-db", "--kind", "logical", "--no-inspect") < LIMIT_MIB
    assert watched(site, "restore", "run", "crud-db", "--into", "copy") < LIMIT_MIB
    assert checksum(server, "copy") == wanted
    server.execute("DROP DATABASE copy")

    assert watched(site, "backup", "run", "crud-db", "--kind", "physical", "--no-inspect") < LIMIT_MIB
    server.execute("DROP DATABASE archive")  # room for what comes back, and nothing to take by mistake
    folder = site.base / "restored"
    assert watched(site, "restore", "run", "crud-db", "--into", str(folder)) < LIMIT_MIB
    assert watched(site, "backup", "inspect", "crud-db", "--deep") < LIMIT_MIB
    restored = PrivateServer(folder / "data")
    restored.start()
    try:
        assert checksum(restored, "archive") == wanted
    finally:
        restored.stop()


# --- a tree of 300,000 files ----------------------------------------------------------------------------------------


def plant(tree: Path) -> None:
    """300,000 small files in 600 folders."""
    for first in range(0, FILES, PER_FOLDER):
        folder = tree / f"dossier {first // 10_000:02}" / f"{first:06}"
        folder.mkdir(parents=True)
        for number in range(first, first + PER_FOLDER):
            (folder / f"fichier-{number:06}-é.txt").write_bytes(f"membre {number}\n".encode() * (number % 7))


def newest(site: Site, kind: str) -> Any:
    """The newest point of a kind."""
    points = site.run("backup", "list", "site-files", "--json").json["points"]
    return next(point for point in points if point["kind"] == kind)


def test_three_hundred_thousand_files_come_back_from_a_full_and_from_a_differential(bare_site: Site) -> None:
    site = bare_site
    shutil.rmtree(site.tree)
    plant(site.tree)
    written = site.write_plan().read_text()
    site.plan.write_text(written.replace("      full:", '      differential: {schedule: "0 4 1 1 *"}\n      full:'))
    site.adopt()

    assert watched(site, "backup", "run", "site-files", "--kind", "full") < LIMIT_MIB

    folder = site.tree / "dossier 07" / "070000"
    (folder / "fichier-070001-é.txt").write_text("changed\n")
    (folder / "fichier-070002-é.txt").unlink()
    (folder / "new").write_text("new\n")
    shutil.rmtree(site.tree / "dossier 11" / "110000")
    (site.tree / "dossier 12").rename(site.tree / "dossier douze")
    assert watched(site, "backup", "run", "site-files", "--kind", "differential") < LIMIT_MIB
    full, differential = newest(site, "full"), newest(site, "differential")
    assert differential["id"] != full["id"]
    back = site.base / "back"  # the full backup, and the differential over it
    assert watched(site, "restore", "run", "site-files", "--into", str(back)) < LIMIT_MIB
    differs = subprocess.run(["diff", "-r", site.tree, back], capture_output=True, text=True, check=False)
    assert (differs.returncode, differs.stdout[:500]) == (0, "")
    assert watched(site, "backup", "inspect", "site-files", "--deep") < LIMIT_MIB
    assert site.run("ledger", "verify").code == 0
