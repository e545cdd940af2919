"""Evidence of sampling: how busy and how full the machine was. Shares are in thousandths, load in hundredths."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystemRolledUp:
    """A file system that holds an asset, a store or the state, over the time of a roll-up; `place` is its mount point.

    `used_permille` is as `df` reckons it, for who is not root. `inodes_permille` is 0 where a file system has no fixed
    number of them.
    """

    place: str
    used_permille: int
    highest_used_permille: int
    inodes_permille: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRollup:
    """What the agent saw of its machine from `began_at` to `ended_at`, at most an hour, once a minute.

    Each list has one value per step of `step_seconds`, the oldest first: means, and the highest where the name says so.
    `readings` counts what they rest on. `silent` are file systems that did not answer. The last step may be shorter.
    """

    began_at: str
    ended_at: str
    step_seconds: int
    readings: int
    cpu_permille: tuple[int, ...]
    cpu_highest_permille: tuple[int, ...]
    memory_permille: tuple[int, ...]
    memory_highest_permille: tuple[int, ...]
    swap_permille: tuple[int, ...]
    load_centi: tuple[int, ...]
    processors: int
    memory_bytes: int
    file_systems: tuple[FileSystemRolledUp, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleExcursion:
    """A figure of the machine passed its limit, or came back: `state` is `began` or `ended`.

    `quantity` is `cpu`, `memory`, `disk` or `inodes`; `place` the mount point, or empty. It passes when its mean over
    `for_seconds` (0: at once) is above `limit_permille`, and is back 50 thousandths below it. `seen_permille` is what
    was seen then, `peak_permille` the highest since it began at `began_at`.
    """

    quantity: str
    place: str
    state: str
    began_at: str
    limit_permille: int
    for_seconds: int
    seen_permille: int
    peak_permille: int
