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
class LimitFollowed:
    """A limit that a figure was held to: its mean over `for_seconds`, each value where that is 0."""

    quantity: str
    limit_permille: int
    for_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StillAbove:
    """A figure that had passed its limit at `began_at` and was not back when the roll-up ended."""

    quantity: str
    place: str
    began_at: str
    limit_permille: int
    for_seconds: int
    peak_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRolledUp:
    """A database server over the time of a roll-up, by its asset: looks that it answered, and looks that it did not.

    `connections_highest` counts without our own; `connections_allowed` is the server's own limit.
    `query_seconds_highest` is the longest that a statement had been running when it was looked at, rounded up, without
    those by which backups read; it is of the account's own statements alone where not `sees_queries`. `deadlocks` are
    those that the server counted meanwhile; `counts_deadlocks`: whether it does.
    """

    asset: str
    looks: int
    unanswered: int
    connections_highest: int = 0
    connections_allowed: int = 0
    query_seconds_highest: int = 0
    deadlocks: int = 0
    counts_deadlocks: bool = False
    sees_queries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRollup:
    """What the agent saw of its machine from `began_at` to `ended_at`, at most an hour, once a minute.

    Each list has one value per step of `step_seconds`, the oldest first: means, and the highest where the name says so.
    `readings` counts what they rest on. `silent` are file systems that did not answer. The last step may be shorter.
    `limits` are those that excursions were told of, `above` what had passed one of them and was not back at the end.
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
    limits: tuple[LimitFollowed, ...] = ()
    above: tuple[StillAbove, ...] = ()
    databases: tuple[DatabaseRolledUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleExcursion:
    """A figure of the machine passed its limit, or came back: `state` is `began` or `ended`; `unwatched` when what
    it was seen on, a file system for one, is no longer there.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseExcursion:
    """A figure of a database server, the asset of the record, reached its limit, or came back: `began` or `ended`.

    `quantity` is `connections` (`limit` and more of them) or `query_ms` (a statement that runs for longer); `seen` is
    what was seen then, `peak` the highest since it began at `began_at`. Statements are not recorded: they hold data.
    """

    quantity: str
    state: str
    began_at: str
    limit: int
    seen: int
    peak: int
