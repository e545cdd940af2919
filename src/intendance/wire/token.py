"""The enrolment token: one line that an administrator carries from the manager to a node.

`intendance-1.<fleet>.<node>.<pin>.<secret>`. The pin is the SHA-256 of the certificate authority that the manager must
show, in hex; `system` when any authority that the machine trusts will do, `plain` for a manager on the same machine.
"""

from __future__ import annotations

import re
from hashlib import sha256

from intendance.model.errors.fleet import TokenMalformed
from intendance.model.frozen import dataclass

LIFETIME_US = 15 * 60 * 1_000_000
SYSTEM, PLAIN = "system", "plain"
_SLUG = r"[a-z0-9][a-z0-9-]{0,39}"
_FORM = re.compile(rf"intendance-1\.({_SLUG})\.({_SLUG})\.([0-9a-f]{{64}}|system|plain)\.([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class Token:
    """A token as read."""

    fleet: str
    node: str
    pin: str
    secret: str

    @property
    def text(self) -> str:
        """The line."""
        return f"intendance-1.{self.fleet}.{self.node}.{self.pin}.{self.secret}"

    @property
    def sha256(self) -> str:
        """What the manager keeps of it."""
        return sha256(self.text.encode()).hexdigest()


def read_token(text: str) -> Token:
    """The token of a line. Raises TokenMalformed."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise TokenMalformed
    return Token(*found.groups())
