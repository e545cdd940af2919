"""Who is let in, and as which incarnation."""

from __future__ import annotations

from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import NodeKnown, TokenRefused
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A token as the manager keeps it; `key_fingerprint` names the one key that may take a known node's place."""

    node: str
    key_fingerprint: str | None
    expires_us: int
    used_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """The newest key of a known node; `former_origins` are those of all its ledgers before."""

    incarnation: int
    fingerprint: str
    origin: str
    former_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How a node comes in: with which number, and whether its key is another than before."""

    incarnation: int
    new_key: bool


def admit(
    invitation: Invitation | None, known: KnownKey | None, *, node: str, fingerprint: str, origin: str, now_us: int
) -> Admission | IntendanceError:
    """Whether a node that holds this key comes in. A known name is given to another key, or to the same again, only
    where an administrator named that key."""
    if invitation is None:
        return TokenRefused(detail="nobody made it here")
    if invitation.used_us is not None:
        return TokenRefused(detail="it was used before")
    if now_us >= invitation.expires_us:
        return TokenRefused(detail="it is older than 15 minutes")
    if invitation.node != node:
        return TokenRefused(detail="it was made for another node")
    if invitation.key_fingerprint is not None and invitation.key_fingerprint != fingerprint:
        return TokenRefused(detail="it was made for another key")
    if known is None:
        return Admission(incarnation=1, new_key=True)
    if invitation.key_fingerprint is None:
        return NodeKnown(node=node, known=known.fingerprint, asking=fingerprint)
    if (known.fingerprint, known.origin) == (fingerprint, origin):
        return Admission(incarnation=known.incarnation, new_key=False)
    if origin == known.origin or origin in known.former_origins:
        return TokenRefused(detail="its ledger bears the name of one that was here before")
    return Admission(incarnation=known.incarnation + 1, new_key=True)
