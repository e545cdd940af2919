"""Where things are in a state folder; the list of all of them is in `docs/agent.md`."""

from __future__ import annotations

from pathlib import Path

from intendance.model.frozen import dataclass

FINDINGS = Path("agent") / "findings.json"


@dataclass(frozen=True, slots=True)
class StateLayout:
    """The paths of one state folder."""

    state: Path

    @property
    def lock(self) -> Path:
        """Held by whoever performs activities: the agent, or a command in the foreground."""
        return self.state / "lock"

    @property
    def socket(self) -> Path:
        """Where the agent listens."""
        return self.state / "agent.sock"

    @property
    def crashes(self) -> Path:
        """Full traces of cases that Intendance did not know."""
        return self.state / "agent" / "crash"

    @property
    def findings(self) -> Path:
        """What was found when the node was last judged; not there when nobody ever looked."""
        return self.state / FINDINGS

    @property
    def gnupg(self) -> Path:
        """The node's OpenPGP home: one key, which can sign and open nothing."""
        return self.state / "agent" / "gnupg"

    @property
    def recovery_note(self) -> Path:
        """Where `init` made the folder with the private halves of keys, which is to be carried off."""
        return self.state / "agent" / "recovery.json"

    @property
    def first_inventory(self) -> Path:
        """What `init` saw of the machine, until a ledger begins."""
        return self.state / "agent" / "first-inventory.json"

    @property
    def challenges(self) -> Path:
        """What the holders of keys were asked, and not yet answered."""
        return self.state / "agent" / "challenges"

    def asset_lock(self, asset: str) -> Path:
        """One lock per asset: backup, inspection and restore exclude each other."""
        return self.state / "agent" / "locks" / asset

    def progress(self, run: str) -> Path:
        """How far a run is."""
        return self.state / "agent" / "progress" / f"{run}.json"

    def scratch(self, run: str, attempt: int) -> Path:
        """The private working folder of one attempt."""
        return self.state / "agent" / "scratch" / f"{run}.{attempt}"

    def snapshots(self, asset: str) -> Path:
        """What engines noted of full backups, for the differentials that build on them."""
        return self.state / "agent" / "snapshots" / asset

    def tidy(self, run: str, attempt: int) -> None:
        """Remove the working memory of an attempt that is over."""
        import shutil  # whoever only looks where things are does without

        self.progress(run).unlink(missing_ok=True)
        self.progress(run).with_suffix(".tmp").unlink(missing_ok=True)
        shutil.rmtree(self.scratch(run, attempt), ignore_errors=True)
