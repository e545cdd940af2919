"""Proof that each key of the plan still opens something: a challenge encrypted to it alone, and its holder's answer.

The challenge's code is kept by nobody: the state holds its SHA-256, the file can be opened by the holder only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

import msgspec

from intendance.agent.compose import Node, open_node
from intendance.agent.founding import left_behind
from intendance.catalogue.load import load
from intendance.model.errors.keys import ChallengeAnswerWrong, ChallengeExpired, KeyUnknown
from intendance.model.errors.process import ProgramFailed, ProgramMissing
from intendance.model.evidence.keys import KeyProven
from intendance.model.frozen import dataclass
from intendance.model.plan import Recipient
from intendance.model.record import Record
from intendance.system import openpgp, process
from intendance.system.clock import Clock, rfc3339
from intendance.system.openpgp_holder import code, held_here, plain_code
from intendance.system.publish import publish

VALID = timedelta(days=14)
"""How long a challenge waits for its answer: long enough for a letter, short enough to be fresh."""
_CODE_GROUPS = 5  # 100 bits
_RULES = ("MAINT_011", "ASBL_015")
_QUANTITY = "recipients.proof_age_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a holder was asked, as the state keeps it; `answer_sha256` is of the code."""

    name: str
    fingerprint: str
    held_by: str
    made_at: str
    answer_sha256: str
    subkeys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """A key of the plan: who holds it, when it was last proven, and by when it must be again.

    `here`: its private half is in the keyring of the user who asks, on this machine. `asked_at`: a challenge waits.
    """

    name: str
    fingerprint: str
    held_by: str
    first_seen_at: datetime
    proven_at: datetime | None
    due_at: datetime
    asked_at: datetime | None
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodies:
    """All keys of the plan in force; `recovery` is the folder of `init` with private halves, while it is there."""

    node: str
    zone: str
    asked_at: datetime
    keys: tuple[Custody, ...]
    recovery: Path | None


def challenge(state: Path, clock: Clock, *, names: Sequence[str], folder: Path) -> tuple[tuple[Challenge, Path], ...]:
    """Write `challenge-<name>.asc` for each key named, or each of the plan; a former challenge of it no longer counts.

    Raises NoState, KeyUnknown, RecipientUnusable, StateUnusable.
    """
    with open_node(state, clock) as node:
        chosen = _chosen(node.plan.recipients, names)
        return tuple(_ask(node, each, folder) for each in chosen)


def answer(state: Path, clock: Clock, written: str, *, actor: str) -> tuple[Record, KeyProven]:
    """Record that the key is proven whose challenge held this code. Raises ChallengeAnswerWrong, ChallengeExpired."""
    with open_node(state, clock) as node:
        now = clock.read().at
        given = sha256(plain_code(written).encode()).hexdigest()
        ours = {each.fingerprint for each in node.plan.recipients}
        found = next((each for each in _open(node) if each.answer_sha256 == given and each.fingerprint in ours), None)
        if found is None:
            raise ChallengeAnswerWrong
        if now - datetime.fromisoformat(found.made_at) > VALID:
            raise ChallengeExpired(key=found.name, made_at=found.made_at[:10], days=VALID.days)
        proven = KeyProven(
            name=found.name,
            fingerprint=found.fingerprint,
            held_by=found.held_by,
            challenged_at=found.made_at,
            challenge_sha256=found.answer_sha256,
            subkeys=found.subkeys,
        )
        record = node.book.append(proven, actor=actor)
        _file(node, found.fingerprint).unlink(missing_ok=True)
        return record, proven


def custodies(state: Path, clock: Clock) -> Custodies:
    """Who holds which key, and how fresh the proof of each is. Raises NoState, StateUnusable."""
    with open_node(state, clock) as node:
        bound = timedelta(seconds=_bound_seconds(node.plan.catalogues))
        proofs = node.book.facts("key.proven")
        plans = node.book.facts("plan.adopted")
        asked = {each.fingerprint: datetime.fromisoformat(each.made_at) for each in _open(node)}
        here = _here(tuple(each.fingerprint for each in node.plan.recipients))
        keys = []
        for each in node.plan.recipients:
            first = min(
                plan.at for plan in plans if each.fingerprint in {known.fingerprint for known in plan.data.recipients}
            )
            last = max((fact.at for fact in proofs if fact.data.fingerprint == each.fingerprint), default=None)
            keys.append(
                Custody(
                    name=each.name,
                    fingerprint=each.fingerprint,
                    held_by=each.held_by,
                    first_seen_at=first,
                    proven_at=last,
                    due_at=(last or first) + bound,
                    asked_at=asked.get(each.fingerprint),
                    here=each.fingerprint in here,
                )
            )
        return Custodies(
            node=node.book.node,
            zone=node.plan.organisation.timezone,
            asked_at=clock.read().at,
            keys=tuple(keys),
            recovery=left_behind(state),
        )


def _bound_seconds(catalogues: Sequence[str]) -> int:
    """The stricter bound of the catalogues of the plan."""
    rules = [load().rules[name] for name in _RULES]
    return min(rule.seconds(_QUANTITY) for rule in rules if rule.catalogue in catalogues)


def _chosen(recipients: Sequence[Recipient], names: Sequence[str]) -> Sequence[Recipient]:
    known = {each.name: each for each in recipients}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise KeyUnknown(
                key=name, suggestion=f"; did you mean `{near[0]}`?" if near else ".", known=", ".join(known)
            )
    return [known[name] for name in names] if names else recipients


def _ask(node: Node, recipient: Recipient, folder: Path) -> tuple[Challenge, Path]:
    now = node.clock.read().at
    secret = code(_CODE_GROUPS)
    text = (
        f"Intendance, {node.book.node}: proof of the key {recipient.name}, asked on {now:%Y-%m-%d}.\n\n"
        f"The answer is {secret}\n\n"
        f"Type it on {node.book.node} within {VALID.days} days: intendance keys prove --answer {secret}\n"
    )
    with openpgp.RecipientHome([recipient]) as home:
        argv = ["--armor" if word == "--no-armor" else word for word in home.encrypt_argv()]
        message = process.run(argv, input=text.encode()).stdout
        subkeys = tuple(
            subkey.fingerprint
            for key in openpgp.read_keys(recipient.armored)
            for subkey in key.encryption_subkeys
            if subkey.key_id in home.key_ids
        )
    asked = Challenge(
        name=recipient.name,
        fingerprint=recipient.fingerprint,
        held_by=recipient.held_by,
        made_at=rfc3339(now),
        answer_sha256=sha256(plain_code(secret).encode()).hexdigest(),
        subkeys=subkeys,
    )
    place = folder / f"challenge-{recipient.name}.asc"
    publish(place, message, replace=True)
    publish(_file(node, recipient.fingerprint), msgspec.json.encode(asked), mode=0o600, replace=True)
    return asked, place


def _open(node: Node) -> Iterator[Challenge]:
    for file in sorted(node.layout.challenges.glob("*.json")):
        try:
            yield msgspec.json.decode(file.read_bytes(), type=Challenge)
        except msgspec.MsgspecError:  # not ours, or damaged: the holder is asked again
            continue


def _file(node: Node, fingerprint: str) -> Path:
    return node.layout.challenges / f"{fingerprint}.json"


def _here(fingerprints: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return held_here(fingerprints)
    except (ProgramMissing, ProgramFailed):
        return ()
