"""What no verification of a ledger can see, said at its end."""

from __future__ import annotations

from intendance.ledger.report import Report


def say_what_was_not_checked(report: Report) -> None:
    """End a report with what no verification of this kind can see."""
    kept = _kept_elsewhere(report)
    if kept is not None:
        report.not_checked.append(kept)
    else:
        report.not_checked.append(
            "0 witnesses: a rollback or a rewriting by whoever holds this ledger's key would not be seen."
        )
        report.not_checked.append(
            "The key was read from the ledger itself; compare it, or better an older checkpoint (`--pin`), with yours."
        )
    if not report.whole:
        report.not_checked.append(
            f"The records before {report.first} and after {report.last}, of {report.size}, and what holds them."
        )
    report.not_checked.append("Whether what the records say was true when it was written.")


def _kept_elsewhere(report: Report) -> str | None:
    """Up to where somebody elsewhere would notice; None when nobody would."""
    if report.quorum is not None and report.quorum.witnesses and report.quorum.size is not None:
        return (
            f"A rollback or a rewriting after the {report.quorum.size} records that a quorum of witnesses cosigned, by"
            " whoever holds this ledger's key, would not be seen."
        )
    if report.witnesses:
        seen = max(each.size for each in report.witnesses)
        return (
            f"A rollback or a rewriting after the {seen} records that witnesses cosigned, by whoever holds this"
            " ledger's key, would not be seen."
        )
    if report.bound_size is not None:
        return (
            f"A rollback or a rewriting after the {report.bound_size} records that the fleet log binds, by whoever"
            " holds this ledger's key, would not be seen."
        )
    if report.pinned_size is not None:
        return (
            f"0 witnesses: a rollback or a rewriting after the {report.pinned_size} records of the pinned checkpoint by"
            " whoever holds this ledger's key would not be seen."
        )
    return None
