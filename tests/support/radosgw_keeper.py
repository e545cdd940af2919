"""Keeps one private Ceph (monitor, one OSD, radosgw) alive for as long as somebody holds a lock on a file.

`python -m tests.support.radosgw_keeper SPECIFICATION` is started by `tests/support/radosgw.py` and starts the daemons
as its own children, which end with it. It ends them, and itself, once nobody shares the lock any more: also when those
who used them were killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_UP_SECONDS = 240.0


@dataclass(frozen=True)
class Specification:
    """What to start: `folder` is short (sockets have 107 bytes) and empty; `users` is the file with the lock."""

    folder: str
    users: str
    ready: str
    port: int
    monitor_port: int
    region: str
    unpacked: str | None
    skew: str | None = None


def environment(unpacked: str | None) -> dict[str, str]:
    """The environment in which Ceph's programs are found: those that `./dev system` unpacked, or the system's own."""
    found = dict(os.environ)
    if unpacked is not None:
        libraries = [
            f"{unpacked}/usr/lib/{os.uname().machine}-linux-gnu",
            f"{unpacked}/lib/{os.uname().machine}-linux-gnu",
        ]
        found["PATH"] = f"{unpacked}/usr/bin:{found['PATH']}"
        found["LD_LIBRARY_PATH"] = ":".join([*libraries, f"{libraries[0]}/ceph"])
    found["PATH"] += ":/usr/sbin:/sbin"
    return found


def _configuration(given: Specification, folder: Path) -> str:
    lines = {
        "fsid": "5b1c9d1e-6f0a-4a4e-9d1b-3f6f0c2e7a11",
        "mon host": f"v2:127.0.0.1:{given.monitor_port}",
        "public addr": "127.0.0.1",
        "auth cluster required": "none",
        "auth service required": "none",
        "auth client required": "none",
        "ms mon client mode": "crc secure",  # else radosgw asks for secure mode only, and gives up after 300 s
        "osd pool default size": "1",
        "osd pool default min size": "1",
        "mon allow pool size one": "true",
        "osd pool default pg num": "8",
        "osd objectstore": "bluestore",
        "bluestore block size": str(8 << 30),  # a sparse file
        "bluestore fsck on mkfs": "false",
        "osd memory target": str(896 << 20),
        "mon data avail warn": "1",
        "mon data avail crit": "1",
        "paxos propose interval": "0.05",  # a pool is made in a tenth of the time
        "paxos min wait": "0.01",
        "run dir": f"{folder}/run",
        "admin socket": f"{folder}/run/$name.asok",
        "log file": f"{folder}/$name.log",
        "mon cluster log file": f"{folder}/cluster.log",
        "mon data": f"{folder}/mon",
        "osd data": f"{folder}/osd",
        "keyring": f"{folder}/keyring",
    }
    if given.unpacked is not None:
        library = f"{given.unpacked}/usr/lib/{os.uname().machine}-linux-gnu"
        lines |= {
            "erasure code dir": f"{library}/ceph/erasure-code",
            "osd class dir": f"{library}/rados-classes",
            "plugin dir": f"{library}/ceph",
        }
    gateway = {
        "rgw frontends": f"beast endpoint=127.0.0.1:{given.port}",
        "rgw data": f"{folder}/rgw",
        "rgw thread pool size": "64",
        "rgw lc debug interval": "10",
    }

    def section(name: str, entries: Mapping[str, str]) -> str:
        return "\n".join([f"[{name}]", *(f"{option} = {value}" for option, value in entries.items()), ""])

    return section("global", lines) + section("client.rgw", gateway)


class Keeper:
    """One cluster under way."""

    def __init__(self, given: Specification) -> None:
        self._given = given
        self._folder = Path(given.folder)
        self._conf = self._folder / "ceph.conf"
        self._environment = environment(given.unpacked)
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for name in ("mon", "osd", "rgw", "run"):
            (self._folder / name).mkdir(mode=0o700)
        self._conf.write_text(_configuration(self._given, self._folder))
        monitors, disks = self._folder / "monmap", self._folder / "osdmap"
        address = f"v2:127.0.0.1:{self._given.monitor_port}"
        fsid = "5b1c9d1e-6f0a-4a4e-9d1b-3f6f0c2e7a11"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, str(monitors))
        self._run("osdmaptool", "--createsimple", "1", "--pg-bits", "3", "--clobber", str(disks))
        self._run("ceph-mon", "-i", "a", "--mkfs", "--fsid", fsid, "--monmap", str(monitors), "--osdmap", str(disks))
        self._daemon("mon", "ceph-mon", "-i", "a", "-f")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", "9c7f3a52-0c0e-4c61-8a38-6a3c9a0b7d22")
        self._daemon("osd", "ceph-osd", "-i", "0", "-f")
        self._name_region()
        self._daemon("rgw", "radosgw", "-n", "client.rgw", "-f")
        self._await_gateway()

    def pids(self) -> dict[str, int]:
        return {name: daemon.pid for name, daemon in self._daemons.items()}

    def stop(self) -> None:
        """SIGCONT first: a test may have left one frozen."""
        for daemon in reversed(self._daemons.values()):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGCONT)
                daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()

    def _name_region(self) -> None:
        """A zone group's name in the API is what S3 calls a region."""
        self._run("radosgw-admin", "user", "list")  # makes the zone group, which has a place but no region yet
        group = json.loads(self._run("radosgw-admin", "zonegroup", "get", "--rgw-zonegroup=default"))
        group["api_name"] = self._given.region
        written = self._folder / "zonegroup.json"
        written.write_text(json.dumps(group))
        self._run("radosgw-admin", "zonegroup", "set", "--rgw-zonegroup=default", "--infile", str(written))

    def _run(self, *words: str) -> bytes:
        argv = [words[0], "-c", str(self._conf), *words[1:]]
        done = subprocess.run(argv, env=self._environment, capture_output=True, check=False, timeout=_UP_SECONDS)
        if done.returncode != 0:
            raise SystemExit(f"{words[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout

    def _daemon(self, name: str, program: str, *words: str) -> None:
        skewed = ["faketime", "-f", self._given.skew] if name == "rgw" and self._given.skew else []
        with (self._folder / f"{name}.out").open("wb") as output:
            self._daemons[name] = subprocess.Popen(
                [*skewed, program, "-c", str(self._conf), *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 -- it has one thread
            )

    def _await_gateway(self) -> None:
        until = time.monotonic() + _UP_SECONDS
        while time.monotonic() < until:
            for name, daemon in self._daemons.items():
                if daemon.poll() is not None:
                    said = (self._folder / f"{name}.out").read_text(errors="replace")[-2000:]
                    raise SystemExit(f"{name} ended with {daemon.returncode}: {said}")
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://127.0.0.1:{self._given.port}/", timeout=5
                ).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise SystemExit("radosgw did not answer")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(words: Sequence[str]) -> int:
    given = Specification(**json.loads(Path(words[0]).read_text()))
    ready = Path(given.ready)
    keeper = Keeper(given)
    present = True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        keeper.start()
        written = ready.with_suffix(".new")
        written.write_text(json.dumps({**asdict(given), "pids": keeper.pids(), "keeper": os.getpid()}))
        written.rename(ready)
        with Path(given.users).open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)  # until the last of those who share it has let go
            ready.unlink(missing_ok=True)
            keeper.stop()
            present = False  # from here on what stands there is the next keeper's
    except SystemExit as failure:
        if failure.code:
            ready.with_suffix(".failed").write_text(str(failure.code))
        raise
    finally:
        if present:
            ready.unlink(missing_ok=True)
        keeper.stop()
        shutil.rmtree(given.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
