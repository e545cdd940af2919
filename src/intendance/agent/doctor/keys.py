"""The keys that sets are encrypted to: usable, not about to expire, and held by more than one person."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from intendance.agent.founding import left_behind
from intendance.language import dates
from intendance.model.diagnosis import Condition, Finding
from intendance.model.errors import IntendanceError
from intendance.model.plan import Plan, Recipient
from intendance.system import openpgp, openpgp_holder

SOON = timedelta(days=30)
HOLDERS = 2


def examine(plan: Plan, now: datetime) -> Iterator[Finding]:
    """Each recipient's key at `now`, then who holds them."""
    for recipient in plan.recipients:
        yield _recipient(recipient, now)
    holders = sorted({recipient.held_by for recipient in plan.recipients})
    enough = len(holders) >= HOLDERS
    yield _finding(
        "holders",
        Condition.OK if enough else Condition.WRONG,
        "holders" if enough else "holders_too_few",
        {"count": len(holders), "holders": ", ".join(holders)},
    )


def custody(plan: Plan, state: Path) -> Iterator[Finding]:
    """Private halves on this machine, where they should never be: in the keyring of who asks, or left by `init`."""
    left = left_behind(state)
    if left is not None:
        params: dict[str, str | int] = {"path": str(left)}
        mend = (f"rm -r {shlex.quote(str(left))}",)
        yield _finding("recovery", Condition.REMARK, "keys_left_behind", params, mend=mend)
    fingerprints = tuple(recipient.fingerprint for recipient in plan.recipients)
    try:
        here = openpgp_holder.held_here(fingerprints)
    except IntendanceError:  # gpg is missing or broken, which `programs` says
        return
    for recipient in plan.recipients:
        if recipient.fingerprint in here:
            about: dict[str, str | int] = {"holder": recipient.held_by, "fingerprint": recipient.fingerprint}
            yield _finding(recipient.name, Condition.REMARK, "key_private_here", about)


def _recipient(recipient: Recipient, now: datetime) -> Finding:
    about: dict[str, str | int] = {
        "holder": recipient.held_by,
        "fingerprint": recipient.fingerprint,
        "key_id": recipient.fingerprint[-16:],
    }
    try:
        key = next(
            (each for each in openpgp.read_keys(recipient.armored) if each.fingerprint == recipient.fingerprint), None
        )
    except IntendanceError as error:
        return _finding(recipient.name, Condition.WRONG, "key_unreadable", about | {"detail": error.message})
    if key is None:
        return _finding(recipient.name, Condition.WRONG, "key_unreadable", about | {"detail": "no such key in it"})
    if key.revoked:
        return _finding(recipient.name, Condition.WRONG, "key_revoked", about)
    ends = min((at for at in (key.expires_at, _subkeys_end(key)) if at is not None), default=None)
    about |= {"expires_on": "" if ends is None else dates.iso(ends)}
    extend = (
        f"gpg --quick-set-expire {recipient.fingerprint} 2y",
        f"gpg --quick-set-expire {recipient.fingerprint} 2y '*'",
        f"gpg --armor --export {recipient.fingerprint} > {recipient.name}.asc",
    )
    if ends is not None and ends <= now:
        return _finding(recipient.name, Condition.WRONG, "key_expired", about, mend=extend)
    if key.encryption_subkey() is None:
        return _finding(recipient.name, Condition.WRONG, "key_no_encryption", about)
    if ends is not None and ends - now <= SOON:
        about |= {"days": (ends - now).days}
        return _finding(recipient.name, Condition.REMARK, "key_expiring", about, mend=extend)
    return _finding(recipient.name, Condition.OK, "key_usable" if ends is None else "key_usable_until", about)


def _subkeys_end(key: openpgp.PublicKey) -> datetime | None:
    """When the last subkey that one can encrypt to expires; None: never, or there is none."""
    ends = [subkey.expires_at for subkey in key.encryption_subkeys if subkey.usable or subkey.expires_at is not None]
    known = [end for end in ends if end is not None]
    return max(known) if ends and len(known) == len(ends) else None


def _finding(
    name: str,
    condition: Condition,
    code: str,
    params: dict[str, str | int],
    *,
    mend: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        area="keys",
        subject=name,
        condition=condition,
        code=code,
        params={"name": name, **params},
        mend=mend,
        purpose="encryption",
    )
