"""Where a node's ledger lies under its state folder."""

from __future__ import annotations

from pathlib import Path

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one state folder's ledger."""

    state: Path

    @property
    def agent(self) -> Path:
        return self.state / "agent"

    @property
    def database(self) -> Path:
        return self.agent / "state.db"

    @property
    def key(self) -> Path:
        return self.agent / "keys" / "ledger.key"

    @property
    def log(self) -> Path:
        """The folder of the C2SP tlog: `checkpoint` and `tile/`."""
        return self.agent / "ledger"

    @property
    def checkpoint(self) -> Path:
        return self.log / "checkpoint"

    @property
    def witnessed(self) -> Path:
        """A file for each witness: the newest checkpoint that it cosigned, with its cosignature."""
        return self.log / "witnessed"

    @property
    def lock(self) -> Path:
        """Held while tiles and checkpoint are written."""
        return self.agent / "ledger.lock"

    def attachment(self, sha256: str) -> Path:
        return self.agent / "attachments" / "sha256" / sha256[:2] / sha256
