"""Where the manager's things are in its state folder."""

from __future__ import annotations

from pathlib import Path

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ManagerLayout:
    """The paths of one manager's state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        """All of it, for its owner alone."""
        return self.state / "manager"

    @property
    def database(self) -> Path:
        """The SQLite file, where the state is not in PostgreSQL."""
        return self.folder / "manager.db"

    @property
    def backups(self) -> Path:
        """Copies of the SQLite file, made before its tables were changed."""
        return self.folder / "backups"

    @property
    def tls(self) -> Path:
        """The certificate authority that the manager made for itself, and its certificate."""
        return self.folder / "tls"

    @property
    def plan(self) -> Path:
        """The fleet's plan, compiled, as the manager was started with it."""
        return self.folder / "plan.json"

    @property
    def plans(self) -> Path:
        """The compiled plan of each node that the fleet's plan names: `<node>.json`."""
        return self.folder / "plans"

    @property
    def settings(self) -> Path:
        """How the manager was started last: what commands on its machine need to know."""
        return self.folder / "settings.json"

    @property
    def log(self) -> Path:
        """The fleet log: a folder that `intendance ledger --state` reads."""
        return self.folder / "log"
