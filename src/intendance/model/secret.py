"""Where secrets are found; a plan never holds one."""

from __future__ import annotations

from intendance.model.frozen import dataclass

HOME = "~/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is found when it is needed; exactly one field is set.

    A `file` that begins with `HOME` is in the home of whoever needs it, which differs from machine to machine.
    """

    file: str | None = None
    env: str | None = None
    command: tuple[str, ...] | None = None
