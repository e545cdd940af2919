"""A witness policy as C2SP writes it (`tlog-policy`): which logs are believed, and whose cosignatures are enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.note import VerifierKey
from intendance.model.errors.ledger import NoteMalformed, PolicyUnusable
from intendance.model.frozen import dataclass

NONE = "none"
LIMIT_BYTES = 65_536
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Group:
    """So many of these members, each a witness or another group, make it witnessed."""

    wanted: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs (none: any), witnesses and groups by the names that the policy gives them, and the name of the quorum."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, WitnessKey]
    groups: Mapping[str, Group]
    quorum: str

    def names(self, key: VerifierKey) -> bool:
        """Whether this log is believed."""
        return not self.logs or key in self.logs

    def needed(self) -> tuple[WitnessKey, ...]:
        """The witnesses that can count for the quorum, in the order of the file."""
        reached, waiting = set[str](), [self.quorum]
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting += self.groups[name].members if name in self.groups else ()
        return tuple(key for name, key in self.witnesses.items() if name in reached)

    def vouched(self, sizes: Mapping[WitnessKey, int], whole: int) -> int | None:
        """How many records the quorum vouches for, when each witness cosigned so many; None when there is no quorum.

        Whoever cosigned a longer tree vouches for what is below it too, provided that both are of one log: the caller
        compares each head with the records. `whole` is what `quorum none` is content with.
        """
        if self.quorum == NONE:
            return whole
        tried = sorted(set(sizes.values()), reverse=True)
        return next((size for size in tried if self._holds(self.quorum, sizes, size)), None)

    def _holds(self, name: str, sizes: Mapping[WitnessKey, int], size: int) -> bool:
        if name in self.witnesses:
            return sizes.get(self.witnesses[name], -1) >= size
        group = self.groups[name]
        return sum(self._holds(each, sizes, size) for each in group.members) >= group.wanted


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises PolicyUnusable."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise PolicyUnusable(path=path, detail=error.strerror) from None
    try:
        return parse_policy(content)
    except NoteMalformed as error:
        raise PolicyUnusable(path=path, detail=error.params["detail"]) from None


def parse_policy(content: bytes) -> Policy:
    """The policy that these bytes are. Raises NoteMalformed, whose detail names the line."""
    if len(content) > LIMIT_BYTES or _FORBIDDEN.search(content):
        raise NoteMalformed(detail=f"it is longer than {LIMIT_BYTES} bytes, or holds control characters")
    reading = _Reading()
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            try:
                reading.line(words)
            except NoteMalformed as error:
                raise NoteMalformed(detail=f"line {number}: {error.params['detail']}") from None
    return reading.policy()


class _Reading:
    """A policy as far as it was read; each name is defined before it is used, and is a member once."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, WitnessKey] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def line(self, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                self._log(VerifierKey.parse(key))
            case ["witness", name, key] | ["witness", name, key, _]:
                self._witness(name, WitnessKey.parse(key))
            case ["group", name, wanted, *members] if members:
                self._group(name, wanted, members)
            case ["quorum", name]:
                self._take_quorum(name)
            case _:
                raise NoteMalformed(detail=f"{' '.join(words)[:80]!r} is no line of a policy")

    def policy(self) -> Policy:
        if self._quorum is None:
            raise NoteMalformed(detail="it has no line `quorum NAME`")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _log(self, key: VerifierKey) -> None:
        if any(key.public == each.public for each in self._logs):
            raise NoteMalformed(detail=f"the key of {key.name!r} stands there twice")
        self._logs.append(key)

    def _witness(self, name: str, key: WitnessKey) -> None:
        self._refuse_known(name)
        if any(key.public == each.public for each in self._witnesses.values()):
            raise NoteMalformed(detail=f"the key of {key.name!r} stands there twice")
        self._witnesses[name] = key

    def _group(self, name: str, wanted: str, members: list[str]) -> None:
        self._refuse_known(name)
        for each in members:
            if each not in self._witnesses and each not in self._groups:
                raise NoteMalformed(detail=f"no line above names {each!r}")
            if each in self._members:
                raise NoteMalformed(detail=f"{each!r} is a member twice")
            self._members.add(each)
        count = {"all": len(members), "any": 1}.get(wanted)
        if count is None:
            count = int(wanted) if _NUMBER.fullmatch(wanted) else 0
        if not 1 <= count <= len(members):
            raise NoteMalformed(detail=f"{wanted!r} is not `any`, `all`, or a number from 1 to {len(members)}")
        self._groups[name] = Group(count, tuple(members))

    def _take_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise NoteMalformed(detail="there is a second line `quorum`")
        if name != NONE and name not in self._witnesses and name not in self._groups:
            raise NoteMalformed(detail=f"no line above names {name!r}")
        self._quorum = name

    def _refuse_known(self, name: str) -> None:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise NoteMalformed(detail=f"the name {name!r} is taken")
