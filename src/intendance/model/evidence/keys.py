"""Evidence of the keys that open backups."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyProven:
    """The holder of a key opened a fresh challenge that was encrypted to it alone, and gave back what was in it.

    `subkeys` are the fingerprints of the encryption subkeys of that key; `challenge_sha256` is of the code inside,
    whose text nobody kept. `challenged_at` is when the challenge was made.
    """

    name: str
    fingerprint: str
    held_by: str
    challenged_at: str
    challenge_sha256: str
    subkeys: tuple[str, ...] = ()
