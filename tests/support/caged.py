"""Our units' commands, started as systemd would start them on a machine where nothing else is installed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cage import Cage
from tests.support.units import Unit, calls_of, read_unit
from tests.unit.house.tree import ROOT

BY_THE_KERNEL = {
    "User", "Group", "StateDirectory", "StateDirectoryMode", "UMask", "ProtectSystem", "ProtectHome", "ProtectProc",
    "PrivateTmp", "PrivateDevices", "CapabilityBoundingSet", "NoNewPrivileges", "RestrictSUIDSGID",
    "RestrictNamespaces", "RestrictRealtime", "RestrictAddressFamilies", "LockPersonality", "ProtectControlGroups",
    "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "SystemCallArchitectures",
    "SystemCallFilter", "SystemCallErrorNumber", "TasksMax", "ProtectClock", "ProtectHostname",
}  # fmt: skip
"""What `cage` does as systemd does; of the last two the filter is all that is left without capabilities."""
BY_SYSTEMD_ALONE = {
    "Type", "KillMode", "TimeoutStopSec", "Restart", "RestartSec", "RestartPreventExitStatus", "OOMPolicy",
    "MemoryHigh", "MemoryMax", "RemoveIPC", "KeyringMode",
}  # fmt: skip
"""What takes control groups, or systemd itself."""
BY_THE_TEST = {"ExecStart", "ExecReload", "Environment"}


@dataclass(eq=False)
class Caged:
    """A unit on this machine: `given` is what an administrator writes over its `Environment=`, `shown` what they lay
    beside it (plan, keys, stores), `number` the user's."""

    unit: Unit
    base: Path
    given: dict[str, str]
    shown: tuple[Path, ...] = ()
    number: int = field(default_factory=lambda: random.SystemRandom().randrange(61184, 65519))
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        unknown = self.unit.lines.keys() - BY_THE_KERNEL - BY_SYSTEMD_ALONE - BY_THE_TEST
        assert not unknown, f"lines that no test knows: {unknown}"
        self.base.mkdir()
        self.state.mkdir()
        self._cage().write(self.base / "cage.json")

    @property
    def state(self) -> Path:
        """Its state folder, as root sees it from outside."""
        return self.base / "state"

    @property
    def home(self) -> str:
        return f"/var/lib/{self.unit.one('StateDirectory')}"

    def start(self) -> subprocess.Popen[str]:
        """What systemd starts; it says to `said`."""
        with self.said_to.open("a") as said:
            process = subprocess.Popen(
                self._words(self.unit.command(self.unit.one("ExecStart"), self.given)), stderr=said, stdout=said,
                text=True, stdin=subprocess.DEVNULL, cwd=ROOT,
            )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the same user in there: `ExecReload=`, or what an administrator types."""
        return subprocess.run(
            self._words(list(words)), capture_output=True, text=True, check=False, timeout=300, input=told, cwd=ROOT
        )

    def intendance(self, *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        """Our command on its state."""
        return self.run("/opt/intendance/bin/intendance", "--state", self.home, *words, told=told)

    def reload(self, process: subprocess.Popen[str]) -> str:
        """Each `ExecReload=` in its order, until one fails; what that one said."""
        for line in self.unit.lines["ExecReload"]:
            done = self.run(*self.unit.command(line.replace("$MAINPID", "${MAINPID}"), self._main(process)))
            if done.returncode != 0:
                return done.stdout + done.stderr
        return ""

    @property
    def said_to(self) -> Path:
        return self.base / "said"

    def said(self) -> str:
        return self.said_to.read_text()

    @property
    def refused(self) -> list[str]:
        """The calls that its filter refused, to it and to whatever it started."""
        file = self.base / "refused"
        return file.read_text().splitlines() if file.exists() else []

    def _main(self, process: subprocess.Popen[str]) -> dict[str, str]:
        return self.given | {"MAINPID": str(process.pid)}

    def _words(self, words: list[str]) -> list[str]:
        return [sys.executable, "-m", "tests.support.cage", str(self.base / "cage.json"), *words]

    def _cage(self) -> Cage:
        account = self.unit.one("User")
        own = (ROOT, sys.prefix, sys.base_prefix, *self.shown)
        return Cage(
            refused=str(self.base / "refused"),
            account=account,
            number=self.number,
            home=self.home,
            state=str(self.state),
            shown=tuple(dict.fromkeys(str(place) for place in own if not str(place).startswith(("/usr", "/lib")))),
            program=sys.prefix,
            calls=tuple(sorted(self.unit.calls())),
            known=tuple(sorted(calls_of(("@known",)))),
            families=tuple(self.unit.words("RestrictAddressFamilies")),
            tasks=int(self.unit.one("TasksMax")),
            environment={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
                "LANG": "C.UTF-8", "HOME": self.home, "LOGNAME": account, "USER": account, "SHELL": "/usr/sbin/nologin",
                "STATE_DIRECTORY": self.home, "INVOCATION_ID": "0" * 32,
            } | self.unit.environment() | self.given,
        )  # fmt: skip


def new_caged(name: str, given: dict[str, str], *shown: Path) -> Caged:
    """A unit in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ic-", dir="/tmp"))
    folder.chmod(0o755)
    return Caged(read_unit(name), folder / "unit", given, shown)


def end(caged: Caged) -> None:
    """Whatever still runs."""
    for process in caged.started:
        if process.poll() is None:
            os.kill(process.pid, 9)
        process.wait()
