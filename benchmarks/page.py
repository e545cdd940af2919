"""How long a page takes that a MariaDB server serves, and by how much a backup slows it down."""

from __future__ import annotations

import random
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.database import NAME
from intendance.engines.private_mariadb import PrivateServer

PAUSE_SECONDS = 0.02
_SEED = 20261122
_END = b"the page is served\n"


@dataclass(frozen=True, slots=True)
class Window:
    """The pages of one stretch of time: seconds each."""

    pages: tuple[float, ...]

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.pages, n=20)[-1]


class Visitor:
    """One connection that asks for a page, waits a little, and asks for the next one, for the length of a `with`.

    A page is what a member's sheet takes: the member by address, their gifts and letters, the campaign's total, the
    members of the town, and a gift that is written.
    """

    def __init__(self, server: PrivateServer, members: int) -> None:
        argv = [*server.client_argv(), "--batch", "--unbuffered", "--skip-column-names", NAME]
        self._client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._chance = random.Random(_SEED)
        self._members = members
        self._gift = 0

    def __enter__(self) -> Visitor:
        self.visit(50)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.close()
        self._client.wait()
        self._client.stdout.close()

    def window(self, seconds: float) -> Window:
        """Pages for so long."""
        until = time.perf_counter() + seconds
        return self._until(lambda: time.perf_counter() >= until)

    def during(self, act: Callable[[], object]) -> Window:
        """Pages for as long as `act` takes."""
        over = threading.Event()

        def acting() -> None:
            try:
                act()
            finally:
                over.set()

        thread = threading.Thread(target=acting)
        thread.start()
        try:
            return self._until(over.is_set)
        finally:
            thread.join()

    def visit(self, pages: int) -> None:
        """So many pages that nobody counts."""
        for _ in range(pages):
            self._page()

    def _until(self, over: Callable[[], bool]) -> Window:
        pages: list[float] = []
        while not over() or len(pages) < 20:
            pages.append(self._page())
            time.sleep(PAUSE_SECONDS)
        return Window(tuple(pages))

    def _page(self) -> float:
        stdin, stdout = self._client.stdin, self._client.stdout
        assert stdin is not None
        assert stdout is not None
        member, campaign = self._chance.randint(1, self._members), self._chance.randrange(400)
        self._gift += 1
        sql = (
            f"SELECT * FROM members WHERE email = CONCAT(MD5({member}), '@example.org');"
            f"SELECT paid_at, amount, reference FROM gifts WHERE member = {member} ORDER BY paid_at DESC LIMIT 20;"
            f"SELECT subject, body FROM letters WHERE member = {member} ORDER BY sent_at DESC LIMIT 5;"
            f"SELECT COUNT(*), SUM(amount) FROM gifts WHERE campaign = {campaign};"
            f"SELECT m.name FROM members m WHERE m.city = (SELECT n.city FROM members n WHERE n.id = {member}) "
            "ORDER BY m.joined DESC LIMIT 30;"
            "INSERT INTO gifts (member, campaign, amount, paid_at, reference) "
            f"VALUES ({member}, {campaign}, 10, NOW(), 'page-{self._gift}');"
            f"SELECT '{_END.decode().strip()}';\n"
        )
        began = time.perf_counter()
        stdin.write(sql.encode())
        stdin.flush()
        while stdout.readline() != _END:
            if self._client.poll() is not None:
                raise ChildProcessError("the visitor's client ended")
        return time.perf_counter() - began


def rises(pairs: Sequence[tuple[Window, Window]]) -> list[float]:
    """By which factor the p95 is higher in the second of each pair."""
    return [second.p95 / first.p95 for first, second in pairs]
