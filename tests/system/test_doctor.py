"""`doctor` on real machines' troubles: a plan or none, a server with too few grants, a store that is gone, keys that
expire. It changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent.doctor import keys as keys_room
from intendance.agent.doctor import programs
from intendance.agent.doctor.examine import Examination, examine
from intendance.engines.diagnosing import diagnose
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.diagnosis import Condition, Finding
from intendance.model.plan import BackupPlan, MariadbAsset, MariadbConnection, SecretReference
from intendance.plan import adopted
from intendance.plan.load import load
from intendance.system.clock import SystemClock
from tests.support.gnupg import make_holder, private_home, revoke
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def _examined(site: Site, *, plan_file: Path | None = None) -> Examination:
    return examine(site.state, SystemClock(), plan_file=plan_file, places=())


def _codes(examination: Examination) -> dict[str, Finding]:
    return {each.code: each for each in examination.findings}


def _everything_in(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Names, modes, times of change and content below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (seen.st_mode, seen.st_mtime_ns, content)
    return found


# ── with and without a plan ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_plan_it_says_what_any_plan_would_need(bare_site: Site) -> None:
    answer = bare_site.run("doctor", "--json")
    assert answer.code == 0, answer.out
    told = answer.json
    assert (told["schema"], told["fit"], told["plan"]["origin"]) == ("intendance.doctor/1", True, "none")
    codes = {each["code"] for each in told["findings"]}
    assert {"plan_none", "state_none", "program_present"} <= codes
    assert {each["subject"] for each in told["findings"] if each["area"] == "programs"} >= {"gpg", "tar", "mariadb"}
    assert not bare_site.state.exists()


def test_a_plan_file_is_looked_at_before_its_adoption(bare_site: Site) -> None:
    bare_site.write_plan()
    shutil.rmtree(bare_site.store)
    answer = bare_site.run("--plan", str(bare_site.plan), "doctor", "--json")
    findings = {each["code"]: each for each in answer.json["findings"]}
    assert answer.code == 0, answer.out
    assert answer.json["plan"]["origin"] == "file"
    assert findings["plan_not_adopted"]["mend"] == [f"intendance plan adopt {bare_site.plan}"]
    assert findings["store_to_be_made"]["condition"] == "remark"
    assert "agent_silent" not in findings
    assert not bare_site.store.exists()


def test_a_plan_that_is_not_valid_is_said_with_what_to_type(bare_site: Site) -> None:
    bare_site.write_plan(more="  other: {kind: fils}\n")
    answer = bare_site.run("--plan", str(bare_site.plan), "doctor")
    assert answer.code == 1
    assert f"intendance plan check {bare_site.plan}" in answer.out


def test_with_the_agent_running_all_is_in_order_and_nothing_is_changed(site: Site) -> None:
    with site.agent():
        before = _everything_in(site.tree), _everything_in(site.store)
        answer = site.run("doctor", "--json")
        assert answer.code == 0, answer.out
        findings = {each["code"]: each for each in answer.json["findings"]}
        assert (_everything_in(site.tree), _everything_in(site.store)) == before
    assert answer.json["fit"] is True
    assert {"plan_in_force", "agent_running", "ledger_sealed", "state_private"} <= set(findings)
    assert {"store_usable", "store_low"} & set(findings), "low: the disk under this test is nearly full, and it says so"
    assert findings["tree_readable"]["rules"] == ["ASBL_011", "ASBL_012", "ASBL_013", "ASBL_015"]
    assert findings["store_same_disk"]["condition"] == "remark"
    assert findings["store_same_disk"]["rules"] == ["ASBL_013"]
    assert {each["condition"] for each in answer.json["findings"]} <= {"ok", "remark"}


def test_nothing_in_the_state_folder_is_changed(site: Site) -> None:
    before = _everything_in(site.state)
    answer = site.run("doctor")
    assert answer.code == 1
    assert "No agent runs" in answer.out
    after = _everything_in(site.state)
    # SQLite's own companions of an open database come and go with each reader
    apart = [path for path in after if not path.endswith(("-wal", "-shm")) and Path(path).name != "ledger.lock"]
    assert {path: after[path] for path in apart if Path(path).is_file()} == {
        path: before[path] for path in apart if Path(path).is_file()
    }


# ── state, stores, trees ─────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_that_others_may_read_are_closed_with_the_command_it_gives(site: Site) -> None:
    (site.state / "agent").chmod(0o755)
    finding = _codes(_examined(site))["state_open"]
    assert finding.condition is Condition.WRONG
    subprocess.run(["sh", "-c", finding.mend[0]], check=True)
    assert _codes(_examined(site))["state_private"].condition is Condition.OK


def test_a_ledger_that_was_altered_is_seen(site: Site) -> None:
    (site.state / "agent/ledger/checkpoint").write_text("nothing\n")
    finding = _codes(_examined(site))["ledger_faulty"]
    assert (finding.condition, finding.mend) == (Condition.WRONG, ("intendance ledger verify",))


def test_a_store_without_its_mark_is_wrong(site: Site) -> None:
    (site.store / ".intendance-store").unlink()
    finding = _codes(_examined(site))["store_refused"]
    assert finding.condition is Condition.WRONG
    assert "not mounted" in str(finding.params["detail"])


def test_a_store_on_a_read_only_mount_is_wrong(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -m intendance --state "$3" doctor'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(site.store), sys.executable, str(site.state)],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    if "mount" in done.stderr:
        pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()}")
    assert done.returncode == 1
    assert f"The store's disk {site.store} is mounted read-only." in done.stdout.replace("\n    ", " ")


def test_a_tree_that_is_gone_or_empty(site: Site) -> None:
    shutil.rmtree(site.tree)
    finding = _codes(_examined(site))["asset_refused"]
    assert finding.condition is Condition.WRONG
    site.tree.mkdir()
    assert _codes(_examined(site))["tree_empty"].condition is Condition.REMARK


def test_a_tree_that_this_user_may_not_read_is_named(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    secret = site.tree / "secret.txt"
    secret.write_text("x")
    for path in (site.base, site.tree):
        path.chmod(0o755)
    secret.chmod(0o600)
    code = (
        "import sys; from intendance.engines.files.diagnose import diagnose\n"
        "from intendance.model.plan import FilesAsset\n"
        "(f,) = diagnose(FilesAsset(name='a', path=sys.argv[1], backup=None)).findings\n"
        "print(f.condition, f.code, f.params['count'], f.params['first'], *f.mend)"
    )
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code, str(site.tree)],
        capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip
    assert done.stdout.split() == [
        "wrong", "files_unreadable", "1", "./secret.txt", "setfacl", "-R", "-m", "u:65534:rX", str(site.tree),
    ]  # fmt: skip


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_told_about_a_month_before_it_expires(site: Site) -> None:
    plan = adopted.read(site.state)
    with private_home() as home:
        key = make_holder(home, "short", expires="60d")
    first = replace(plan.recipients[0], fingerprint=key.fingerprint, armored=key.armored)
    plan = replace(plan, recipients=(first, *plan.recipients[1:]))
    now = datetime.now(UTC)

    def told(after: timedelta) -> Finding:
        return next(each for each in keys_room.examine(plan, now + after) if each.subject == first.name)

    assert (told(timedelta(0)).condition, told(timedelta(0)).code) == (Condition.OK, "key_usable_until")
    soon = told(timedelta(days=40))
    assert (soon.condition, soon.code, soon.params["days"]) == (Condition.REMARK, "key_expiring", 19)
    assert (told(timedelta(days=61)).condition, told(timedelta(days=61)).code) == (Condition.WRONG, "key_expired")
    assert soon.mend[0] == f"gpg --quick-set-expire {key.fingerprint} 2y"


def test_keys_that_nobody_can_use_or_one_person_holds_are_wrong(site: Site) -> None:
    plan = adopted.read(site.state)
    with private_home() as home:
        holder = make_holder(home, "dead")
        dead = revoke(holder)
    with private_home() as home:
        blind = make_holder(home, "blind", encryption=False)
    recipients = tuple(
        replace(plan.recipients[0], name=key.name, fingerprint=key.fingerprint, armored=key.armored)
        for key in (dead, blind)
    )
    said = {each.subject: each for each in keys_room.examine(replace(plan, recipients=recipients), datetime.now(UTC))}
    assert (said["dead"].code, said["blind"].code) == ("key_revoked", "key_no_encryption")
    assert (said["holders"].condition, said["holders"].code) == (Condition.WRONG, "holders_too_few")


# ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_that_the_plan_needs_is_missing_and_the_package_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for program in ("setpriv", "gpg", "tar"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {each.subject: each for each in programs.examine(adopted.read(site.state))}
    assert findings["tar"].condition is Condition.OK
    assert findings["zstd"].condition is Condition.MISSING
    assert findings["zstd"].mend == ("apt-get install zstd",)
    assert "mariadb-dump" not in findings  # the plan has no database


def test_a_program_that_does_not_run_is_wrong(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "zstd"
    broken.write_text("#!/bin/sh\necho cannot load a library >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    findings = {each.subject: each for each in programs.examine(adopted.read(site.state))}
    assert findings["zstd"].code == "program_broken"
    assert "cannot load a library" in str(findings["zstd"].params["detail"])


# ── MariaDB ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _asset(server: PrivateServer, user: str, *databases: str, folder: Path) -> MariadbAsset:
    options = folder / "client.cnf"
    options.write_text(f"[client]\nuser={user}\npassword=s3cret-{user}\n")
    options.chmod(0o600)
    return MariadbAsset(
        name="shop-db",
        connect=MariadbConnection(socket=str(server.socket), credentials=SecretReference(file=str(options))),
        databases=databases,
        backup=None,
    )


@pytest.fixture
def poor_user(mariadb_server: PrivateServer) -> Iterator[str]:
    name = f"u{os.urandom(4).hex()}"
    mariadb_server.execute(f"CREATE USER {name}@localhost IDENTIFIED BY 's3cret-{name}'")
    yield name
    mariadb_server.execute(f"DROP USER {name}@localhost")


def test_the_grants_that_are_missing_are_exact_and_enough(
    mariadb_server: PrivateServer, mariadb_database_maker: Callable[[], str], poor_user: str, tmp_path: Path
) -> None:
    first, second = mariadb_database_maker(), mariadb_database_maker()
    mariadb_server.execute(
        f"CREATE TABLE {first}.t (a INT) ENGINE=InnoDB; CREATE TABLE {second}.u (a INT) ENGINE=MyISAM"
    )
    mariadb_server.execute(f"GRANT SELECT, SHOW VIEW ON {first}.* TO {poor_user}@localhost")
    asset = _asset(mariadb_server, poor_user, first, second, folder=tmp_path)
    said = {each.code: each for each in diagnose(asset).findings}
    finding = said["grants_missing"]
    assert finding.condition is Condition.WRONG
    assert len(finding.mend) >= 2
    assert any("TRIGGER, EVENT" in line and "SELECT" not in line for line in finding.mend)
    for _ in range(3):  # what each round gives lets the next one see more
        for line in said["grants_missing"].mend if "grants_missing" in said else ():
            mariadb_server.execute(line)
        said = {each.code: each for each in diagnose(asset).findings}
    assert "grants_missing" not in said
    assert said["asset_readable"].params["version"] == mariadb_server.execute("SELECT VERSION()").strip()


def test_what_a_physical_backup_needs_is_printed_too(
    mariadb_server: PrivateServer, mariadb_database: str, poor_user: str, tmp_path: Path
) -> None:
    asset = _asset(mariadb_server, poor_user, mariadb_database, folder=tmp_path)
    kinds = BackupPlan(kinds={"physical": None}, stores=("local",), retention_days=90)
    asset = replace(asset, backup=kinds)
    mariadb_server.execute(f"GRANT ALL PRIVILEGES ON {mariadb_database}.* TO {poor_user}@localhost")
    mariadb_server.execute(f"GRANT SELECT ON mysql.* TO {poor_user}@localhost")
    (line,) = next(each for each in diagnose(asset).findings if each.code == "grants_missing").mend
    assert line == f"GRANT RELOAD, PROCESS ON *.* TO `{poor_user}`@`localhost`;"
    mariadb_server.execute(line)
    assert "grants_missing" not in {each.code for each in diagnose(asset).findings}


def test_accounts_that_a_backup_leaves_out_are_a_remark(
    mariadb_server: PrivateServer, mariadb_database: str, poor_user: str, tmp_path: Path
) -> None:
    asset = _asset(mariadb_server, poor_user, mariadb_database, folder=tmp_path)
    mariadb_server.execute(f"GRANT ALL PRIVILEGES ON {mariadb_database}.* TO {poor_user}@localhost")
    mariadb_server.execute(f"GRANT SELECT ON mysql.proc TO {poor_user}@localhost")
    finding = next(each for each in diagnose(asset).findings if each.code == "accounts_left_out")
    assert finding.condition is Condition.REMARK
    mariadb_server.execute(finding.mend[0])
    assert "accounts_left_out" not in {each.code for each in diagnose(asset).findings}


def test_a_database_that_is_not_there_is_an_error_and_no_grant(
    mariadb_server: PrivateServer, mariadb_asset: MariadbAsset
) -> None:
    (finding,) = diagnose(replace(mariadb_asset, databases=("no_such_database",))).findings
    assert (finding.condition, finding.code) == (Condition.WRONG, "asset_refused")
    assert "no_such_database" in str(finding.params["detail"])


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    asset = MariadbAsset(
        name="shop-db", connect=MariadbConnection(socket=str(tmp_path / "none.sock")), databases=("a",), backup=None
    )
    (finding,) = diagnose(asset).findings
    assert (finding.condition, finding.code) == (Condition.WRONG, "asset_refused")


def test_without_a_binary_log_the_lines_to_add_are_given(mariadb_asset: MariadbAsset) -> None:
    diagnosis = diagnose(mariadb_asset)
    finding = next(each for each in diagnosis.findings if each.code == "binary_log_off")
    assert (finding.condition, finding.purpose) == (Condition.REMARK, "point_in_time")
    assert finding.mend[:2] == ("[mariadb]", "log_bin = binlog")
    assert "binlog_format = ROW" in finding.mend
    assert len(diagnosis.folders) == 1
    assert Path(diagnosis.folders[0]).is_dir()


def test_the_binary_log_lines_are_what_the_server_needs(mariadb_asset: MariadbAsset, tmp_path: Path) -> None:
    """A second server, started with the very lines that were given, has nothing left to mend."""
    lines = next(each for each in diagnose(mariadb_asset).findings if each.code == "binary_log_off").mend
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="int-bl-", dir="/tmp")))
    options = tuple("--" + line.replace(" = ", "=").replace("_", "-") for line in lines[1:])
    server = PrivateServer(folder / "data", options=options)
    try:
        server.create()
        server.start()
        server.execute("CREATE DATABASE shop")
        asset = replace(mariadb_asset, connect=MariadbConnection(socket=str(server.socket)), databases=("shop",))
        assert "binary_log_kept" in {each.code for each in diagnose(asset).findings}
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_the_plan_of_the_manual_is_examined_whole(site: Site) -> None:
    """What a plan file says and what is in force are told apart."""
    site.write_plan(full="7 4 * * SUN")
    assert load(site.plan, datetime.now(UTC)).plan is not None
    assert _codes(_examined(site, plan_file=site.plan))["plan_differs"].condition is Condition.REMARK
