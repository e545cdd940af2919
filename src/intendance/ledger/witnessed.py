"""What witnesses cosigned of a log: kept beside its checkpoint, carried by it where it is the same, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from intendance.ledger.cosignature import WitnessKey, cosigned, line_of, with_lines
from intendance.ledger.layout import Layout
from intendance.ledger.note import Checkpoint, Note, VerifierKey, read_checkpoint, read_note, verify_note
from intendance.ledger.policy import Policy
from intendance.ledger.report import Case, Quorum, Report, Witnessed
from intendance.model.errors.ledger import NoteMalformed

_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_SECONDS = 253_402_300_799  # the end of the year 9999


def kept(layout: Layout) -> list[tuple[str, bytes]]:
    """The files of cosigned checkpoints beside a log, by name. Raises OSError."""
    if not layout.witnessed.is_dir():
        return []
    found = sorted(path for path in layout.witnessed.iterdir() if not path.name.startswith("."))
    return [(path.name, path.read_bytes()) for path in found]


def carrying(head: Checkpoint, notes: Iterable[bytes]) -> Checkpoint:
    """The head with the cosignatures of notes that say the same."""
    text, there = read_note(head.note).text, {line_of(each) for each in read_note(head.note).signatures}
    lines: list[str] = []
    for content in notes:
        try:
            note = read_note(content)
        except NoteMalformed:
            continue
        lines += [line for line in map(line_of, note.signatures) if note.text == text and line not in there]
    return replace(head, note=with_lines(head.note, dict.fromkeys(lines))) if lines else head


def compare(
    notes: Sequence[bytes],
    log_key: VerifierKey | None,
    keys: Iterable[WitnessKey],
    report: Report,
    *,
    demanded: bool = True,
) -> dict[WitnessKey, Checkpoint]:
    """For each witness asked for, the largest head that it cosigned; what is wrong goes into the report, and what is
    missing where each of them is `demanded`."""
    heads = list(_signed_by(log_key, notes))
    largest: dict[WitnessKey, Checkpoint] = {}
    for key in keys:
        where = f"witness {key.name}"
        found = [(head, seen) for head, note in heads if (seen := cosigned(note, key)) is not None]
        if any(not seen.genuine for _, seen in found):
            report.add(Case.COSIGNATURE_WRONG, where, "its cosignature does not fit what it stands under")
        genuine = [(head, seen.at_seconds) for head, seen in found if seen.genuine]
        if not genuine:
            if demanded:
                report.add(Case.COSIGNATURE_MISSING, where, "it cosigned nothing that is here")
            continue
        head, at_seconds = max(genuine, key=lambda each: (each[0].size, each[1]))
        at = _BEGAN + timedelta(seconds=min(at_seconds, _LATEST_SECONDS))
        report.witnesses.append(Witnessed(name=key.name, size=head.size, at=at))
        largest[key] = head
    return largest


def under_policy(
    notes: Sequence[bytes], log_key: VerifierKey | None, policy: Policy, report: Report
) -> dict[WitnessKey, Checkpoint]:
    """The same of the witnesses that can count for a policy's quorum; `report.quorum` says whether they are enough."""
    if log_key is not None and not policy.names(log_key):
        detail = f"it does not name the key of this log, {log_key.text}: compare it with the one that you were given"
        report.add(Case.KEY_NOT_IN_POLICY, "policy", detail)
    needed = policy.needed()
    largest = compare(notes, log_key, needed, report, demanded=False)
    vouched = policy.vouched({key: head.size for key, head in largest.items()}, report.signed_size or 0)
    report.quorum = Quorum(name=policy.quorum, cosigned=len(largest), witnesses=len(needed), size=vouched)
    if vouched is None:
        absent = ", ".join(key.name for key in needed if key not in largest)
        detail = (
            f"{len(largest)} of the {len(needed)} witnesses that can count cosigned it, too few for {policy.quorum!r}; "
            f"missing: {absent}. Compare their keys, or export again once they cosigned"
        )
        report.add(Case.QUORUM_MISSED, "policy", detail)
    return largest


def judge_reach(report: Report) -> None:
    """Say in the report where records that it is about came after what the quorum cosigned."""
    reached = None if report.quorum is None else report.quorum.size
    if reached is None or report.last is None or reached > report.last:
        return
    detail = (
        f"the quorum cosigned {reached} records, an older tree: nobody vouches for the later ones. Export again once"
        f" it cosigned, or verify only what it did with `--to {reached - 1}`"
    )
    report.add(Case.QUORUM_BEHIND, "policy", detail)


def _signed_by(key: VerifierKey | None, notes: Iterable[bytes]) -> Iterator[tuple[Checkpoint, Note]]:
    for content in notes:
        try:
            head, note = read_checkpoint(content)
        except NoteMalformed:
            continue
        if key is not None and head.origin == key.name and verify_note(note, key):
            yield head, note
