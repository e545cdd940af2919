"""Evidence of other ledgers, taken into view."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerImported:
    """The first `size` records of another machine's ledger were verified here and are in view; they stay that ledger's.

    `host` is that machine, `origin` its log, `key` (a C2SP verifier key) the one that the plan in force trusted for it,
    `root` (hex) that of its tree. `added` records were not in view before; the newest is dated `newest_at`.
    `checkpoint` is the signed note itself, against which the next import is compared.
    """

    host: str
    origin: str
    key: str
    size: int
    root: str
    added: int
    newest_at: str
    checkpoint: str
