"""A place in which a program may do what it likes to one folder, and to nothing else.

Namespaces of its own (mounts, network, processes, and users where we are not root), a root folder that holds the
system's programs read-only and the one folder, no capability, no way to gain one. As root the program runs under a
number of its own that belongs to no account; else as whoever we are, who is root there only by name. Private keys,
homes, stores and the state do not exist in there.
"""

from __future__ import annotations

import os
import pwd
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import intendance
from intendance.model.errors.drill import SandboxRefused
from intendance.model.errors.process import ProgramFailed, ProgramTimedOut
from intendance.model.frozen import dataclass
from intendance.system import process

NOWHERE = "/none"
"""An empty folder in there that nobody can write to."""
ACCOUNT = "drill"
_SCRIPT = Path(__file__).with_name("sandbox.sh")
_NUMBERS = range(61184, 65520)  # of transient users: systemd.exec(5), DynamicUser=
_PROBE_SECONDS = 60.0
_NAMESPACES = ("--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The sandbox around `folder`. `number` is the user in there, `account` its name; `means` says what holds it."""

    folder: Path
    number: int
    account: str
    means: tuple[str, ...]

    def argv(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The arguments that start a program in there, with nothing of our environment. Raises ProgramMissing."""
        words = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": NOWHERE, "TMPDIR": str(self.folder)} | dict(
            environment or {}
        )
        users = () if self.number else ("--user", "--map-root-user")
        return (
            "unshare", *users, *_NAMESPACES, "--", "sh", str(_SCRIPT), str(self._root), str(self.folder),
            str(self.number), self.account, *_readable(), "--", *(f"{name}={value}" for name, value in words.items()),
            process.find(argv[0]), *argv[1:],
        )  # fmt: skip

    def own(self, *places: Path) -> None:
        """Give what we made in the folder to the user in there."""
        if self.number:
            for place in places:
                os.chown(place, self.number, self.number, follow_symlinks=False)

    @property
    def _root(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.root")


Wrap = Callable[[Sequence[str]], tuple[str, ...]]


def open_sandbox(folder: Path) -> Sandbox:
    """Make the new folder and see that a program can be locked into it. Raises SandboxRefused, ProgramMissing,
    FileExistsError."""
    root = os.geteuid() == 0
    folder.mkdir(mode=0o700)
    means = ["no network", "its own view of files", "its own processes", "no capability", "no new privilege"]
    found = Sandbox(
        folder=folder,
        number=_free_number() if root else 0,
        account=ACCOUNT if root else "root",
        means=(*means, "its own user number" if root else "its own user namespace"),
    )
    found._root.mkdir(mode=0o700)  # noqa: SLF001 -- our own
    found.own(folder)
    try:
        said = process.run(found.argv(("sh", "-c", _PROBE, "sh", str(folder))), deadline_seconds=_PROBE_SECONDS)
    except (ProgramFailed, ProgramTimedOut) as failure:
        raise SandboxRefused(detail=failure.message.rstrip(".")) from failure
    if said.stdout.strip() != b"locked in":
        raise SandboxRefused(detail=f"a program in it still saw {said.stdout.decode(errors='replace').strip()}")
    return found


# A sandbox is believed only once somebody in it has tried.
_PROBE = """
folder=$1
for place in $(find / -xdev -type f 2>/dev/null); do
  case $place in /etc/* | /dev/*) ;; *) echo "$place"; exit ;; esac
done
for place in /usr/intendance-probe /none/probe /etc/passwd /dev/probe; do
  if (: >>"$place") 2>/dev/null; then echo "$place, which it may write to"; exit; fi
done
if [ "$(cat /proc/net/route 2>/dev/null | wc -l)" -gt 1 ]; then echo "a network"; exit; fi
if ! : >"$folder/.probe"; then echo "no folder to write to"; exit; fi
rm "$folder/.probe"
echo "locked in"
"""


def _readable() -> tuple[str, ...]:
    """Where the programs of ours are that run in there: Python, what it imports, and we."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(intendance.__file__).parents[1]}
    found: list[str] = []
    for place in sorted({each.resolve() for each in places} | {each.absolute() for each in places}):
        if not any(place.is_relative_to(known) for known in ("/usr", *found)):
            found.append(str(place))
    return tuple(found)


def _free_number() -> int:
    """A number that no account and no process has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    for place in Path("/proc").iterdir():
        with suppress(OSError):
            taken.add(place.stat().st_uid)
    return random.choice([number for number in _NUMBERS if number not in taken])  # noqa: S311 -- a name, not a secret
