"""The private server: quick, closed to the network and to files, ended without a trace."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from intendance.engines import private_mariadb
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import PrivateServerFailed
from intendance.model.errors.process import ProgramFailed
from intendance.system import process
from tests.support.mariadb import need_mariadb

pytestmark = pytest.mark.mariadb


def test_it_answers_on_its_socket_only(mariadb_server: PrivateServer) -> None:
    assert mariadb_server.execute("SELECT 1 + 1").strip() == "2"
    settings = mariadb_server.execute("SELECT @@skip_networking, @@event_scheduler, @@local_infile, @@log_bin")
    assert settings.split() == ["1", "OFF", "0", "0"]


def test_only_the_user_who_runs_it_gets_in(mariadb_server: PrivateServer) -> None:
    accounts = mariadb_server.execute("SELECT CONCAT(user, '@', host) FROM mysql.global_priv").split()
    assert set(accounts) <= {f"{mariadb_server.user}@localhost", "root@localhost", "mariadb.sys@localhost"}


def test_sql_reads_and_writes_no_file(mariadb_server: PrivateServer, tmp_path: Path) -> None:
    target = tmp_path / "stolen"
    with pytest.raises(ProgramFailed):
        mariadb_server.execute(f"SELECT 'x' INTO OUTFILE '{target}'")
    assert not target.exists()
    assert mariadb_server.execute("SELECT LOAD_FILE('/etc/passwd') IS NULL").strip() == "1"


def test_what_was_written_is_there_after_a_stop_and_the_socket_is_gone(tmp_path: Path) -> None:
    need_mariadb()
    first = PrivateServer(tmp_path / "data")
    first.create()
    first.start()
    first.execute("CREATE DATABASE kept; CREATE TABLE kept.t (a INT); INSERT INTO kept.t VALUES (7)")
    pid = first.pid
    first.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not first.socket.exists()
    again = PrivateServer(tmp_path / "data")
    again.start()
    try:
        assert again.execute("SELECT a FROM kept.t").strip() == "7"
    finally:
        again.stop()


def test_one_that_is_asked_in_vain_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that stands still for seconds: the client that asks whether it is there does not come back."""
    need_mariadb()
    client = tmp_path / "bin" / "mariadb"
    client.parent.mkdir()
    asked = tmp_path / "asked"
    client.write_text(
        f'#!/bin/sh\n[ -e "{asked}" ] || {{ : >"{asked}"; exec sleep 600; }}\nexec {which("mariadb")} "$@"\n'
    )
    client.chmod(0o755)
    server = PrivateServer(tmp_path / "data")
    server.create()
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(private_mariadb, "_ASKED_SECONDS", 2.0)
    try:
        server.start()
        assert asked.exists()
        assert server.execute("SELECT 1").strip() == "1"
    finally:
        server.stop()


def test_a_folder_that_holds_no_data_directory_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_mariadb()
    server = PrivateServer(tmp_path)
    read, goes_on = process._drain, threading.Event()

    def late(child: process.Child, *given: Any) -> None:  # a busy machine lets the thread that reads wait
        assert child.program != "mariadbd" or goes_on.wait(120)
        read(child, *given)

    monkeypatch.setattr(process, "_drain", late)
    reading = threading.Timer(3.0, goes_on.set)
    reading.start()
    try:
        with pytest.raises(PrivateServerFailed) as failed:
            server.start()
    finally:
        server.stop()
        reading.join()
    assert "it said nothing" not in failed.value.message


def test_a_socket_path_that_no_kernel_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PrivateServerFailed, match="107 bytes"):
        PrivateServer(tmp_path / "data", socket=tmp_path / ("s" * 120))
