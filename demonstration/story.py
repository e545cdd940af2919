"""What is shown, in order. Each step does only what an earlier start has not done yet."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from demonstration import bookings, keys, page, plan, website
from demonstration.comparison import compare_bookings, compare_databases, compare_trees
from demonstration.product import Product, StepFailed
from demonstration.scene import DATABASE, ROOT, Scene, Voice
from demonstration.server import DatabaseServer, missing_programs


class Story:
    """Everything that runs for the demonstration; leaving it ends all of it."""

    def __init__(self, scene: Scene, voice: Voice) -> None:
        self._scene = scene
        self._voice = voice
        self._product = Product(scene, voice)
        self._server: DatabaseServer | None = None
        self._assets = ["site-files", "bookings"]

    def __enter__(self) -> Story:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._product.stop()
        if self._server is not None:
            self._server.stop()

    def tell(self) -> int:
        """The whole story; the exit code of its last command, `status`. Raises StepFailed, NotTheSame."""
        self._set_the_scene()
        self._adopt()
        self._back_up()
        self._prove_keys()
        self._restore_and_compare()
        self._voice.heading("What holds, and how it is known")
        self._product.type("ledger", "verify")
        return self._product.type("status", accept=(0, 4, 5))

    def run_on(self) -> None:
        """The agent and the page, until somebody stops them. Raises StepFailed when they end by themselves."""
        self._voice.heading("From now on the agent performs the plan at its hours, and a page says how it stands")
        url = page.open_page(self._scene, self._product)
        name, password = page.account(self._scene, self._product)
        self._voice.line(f"It says what it does in {_short(self._product.log)}")
        self._voice.heading(f"Open {url}")
        self._voice.line(f"Name {name}, password {password}: thrown away with {_short(self._scene.base)}.")
        self._voice.line("She is an operator; an administrator's log-in asks for a second factor, set up at the first.")
        self._say_what_next()
        self._voice.heading("Ctrl-C ends everything; `./dev run` goes on from there.")
        while self._product.code() is None:
            time.sleep(0.5)
        raise StepFailed(f"`intendance up` ended by itself:\n{self._product.last_words()}")

    def _set_the_scene(self) -> None:
        self._voice.heading("The server of a small organisation, ASBL Horizon")
        missing = missing_programs()
        if missing:
            self._voice.line(
                f"Without MariaDB: {', '.join(missing)} cannot be found, and only root can install it. What is"
                " shown are the site's files and a SQLite database."
            )
        else:
            self._server = DatabaseServer(self._scene)
            self._server.open(self._voice)
            self._assets.insert(0, "site-db")
        with self._voice.timed("The site's files") as step:
            website.build(self._scene.website, size=self._scene.size)
            step.more = _short(self._scene.website)
        with self._voice.timed("The book of rooms, in SQLite") as step:
            bookings.build(self._scene.bookings, size=self._scene.size)
            step.more = _short(self._scene.bookings)
        with self._voice.timed("Throw-away OpenPGP keys of Marie, of Thomas and of the safe"):
            self._keys = keys.keys(self._scene)

    def _adopt(self) -> None:
        changed = plan.write(self._scene, self._keys, with_database=self._server is not None)
        adopted = (self._scene.state / "agent" / "plan.json").exists()
        if changed or not adopted:
            self._voice.heading("The plan, checked and adopted")
            self._product.type("plan", "check", _short(self._scene.plan))
            self._product.type("plan", "adopt", _short(self._scene.plan))

    def _back_up(self) -> None:
        listed = self._product.ask("backup", "list")["points"] if self._scene.store.exists() else []
        kept = {point["asset"] for point in listed}
        missing = [asset for asset in self._assets if asset not in kept]
        if missing:
            self._voice.heading(
                "First backups: compressed, and encrypted to three keys; the node's own keyring holds none of them"
            )
        for asset in missing:
            self._product.type("backup", "run", asset)
        self._voice.heading("Looked at again: signature, hashes, age")
        for asset in self._assets:
            self._product.type("backup", "inspect", asset)
        self._product.type("backup", "list")

    def _prove_keys(self) -> None:
        open_ones = [key["name"] for key in self._product.ask("keys", "list")["keys"] if key["proven_at"] is None]
        if not open_ones:
            return
        self._voice.heading("Each holder shows that their key opens something: here, with the keys that lie at hand")
        self._product.type("keys", "prove", *open_ones, "--output", _short(self._scene.base))
        for holder in open_ones:
            self._product.type("keys", "prove", "--answer", keys.open_challenge(self._scene, holder))

    def _restore_and_compare(self) -> None:
        done = self._scene.base / "restored"
        if done.exists() and done.read_text().split() == self._assets:
            return
        self._voice.heading("Restored beside the original with Marie's key, and compared")
        self._remove_remains()
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        if self._server is not None:
            copy = f"{DATABASE}_{stamp}"
            self._product.type("restore", "run", "site-db", "--into", copy, holder="marie")
            with self._voice.timed("The restored database is the original one") as step:
                step.more = compare_databases(self._server.server, DATABASE, copy)
            self._server.server.execute(f"DROP DATABASE `{copy}`")
        folder = self._scene.base / f"restored-{stamp}"
        self._product.type("restore", "run", "site-files", "--into", str(folder), holder="marie")
        with self._voice.timed("The restored files are the original ones") as step:
            step.more = compare_trees(self._scene.website, folder)
        shutil.rmtree(folder)
        file = self._scene.base / f"restored-{stamp}.sqlite"
        self._product.type("restore", "run", "bookings", "--into", str(file), holder="marie")
        with self._voice.timed("The restored book of rooms is the original one") as step:
            step.more = compare_bookings(self._scene.bookings, file)
        file.unlink()
        done.write_text(" ".join(self._assets))

    def _remove_remains(self) -> None:
        """What an interrupted start left of an earlier restore."""
        for left in self._scene.base.glob("restored-*"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        if self._server is not None:
            self._server.drop_copies()

    def _say_what_next(self) -> None:
        ours = f"./dev sh -- intendance --state {_short(self._scene.state)}"
        self._voice.heading("What to type next, in another terminal, while this one runs")
        self._voice.line(f"{ours} rules show ASBL_010")
        self._voice.line(f"{ours} ledger show")
        self._voice.line(f"{ours} backup run site-files")
        self._voice.line(f"{ours} user add thomas --role admin")
        home = f"GNUPGHOME={self._scene.home_of('thomas')}"
        self._voice.line(f"{home} {ours} restore run horizon --into /tmp/horizon-restored")


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
