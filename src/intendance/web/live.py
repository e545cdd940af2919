"""What tells open pages that they are out of date: one watcher for all of them, and a stream of events for each.

A stream says `changed` when what its page shows has changed, `beat` while nothing has, and `over` when its session
ended. The page then asks for itself again, as anybody would. The watcher lives while somebody listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass as plain
from dataclasses import field

from starlette.concurrency import run_in_threadpool

from intendance.model.errors import IntendanceError

Look = Callable[[frozenset[str]], Mapping[str, str]]
"""The stamps of some nodes' evidence, and under the empty name that of everything judged."""
Alive = Callable[[], bool]

LOOK_SECONDS = 0.25
BEAT_SECONDS = 5.0
APART_SECONDS = 1.0
"""Between two changes that one page is told of: it draws itself anew each time."""
LIFE_SECONDS = 1800.0
"""A stream ends after so long and is begun again: nothing hangs for ever."""
MAX_STREAMS = 200
MAX_OF_ONE = 8
"""Of one session: a browser opens six connections to a host, and keeps one for other things."""


def combined(stamps: Mapping[str, str], node: str) -> str:
    """The stamp of a page: of all that is judged, and of the evidence of a node, if it is about one."""
    whole = stamps.get("", "")
    return f"{whole}.{stamps.get(node, '')}" if node and whole else whole


@plain(slots=True, eq=False)
class _Stream:
    """One open page. `node` is the one whose evidence it shows too, if it is one."""

    session: str
    node: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Live:
    """The streams of one manager's pages. All but `end` belongs to the event loop."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._streams: set[_Stream] = set()
        self._stamps: Mapping[str, str] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    @property
    def open_streams(self) -> int:
        """How many pages listen now."""
        return len(self._streams)

    def has_room(self, session: str) -> bool:
        """Whether one more stream may begin, for that session."""
        of_one = sum(each.session == session for each in self._streams)
        return not self._ended and len(self._streams) < MAX_STREAMS and of_one < MAX_OF_ONE

    def end(self) -> None:
        """Let every stream end. From any thread."""
        self._ended = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    async def events(self, session: str, node: str, seen: str, alive: Alive) -> AsyncIterator[bytes]:
        """The events of one page, whose content bore the stamp `seen`, until it goes or its session ends."""
        self._loop = asyncio.get_running_loop()
        stream = _Stream(session, node)
        self._streams.add(stream)
        try:
            await self._look_again()
            if self._watcher is None or self._watcher.done():
                self._watcher = asyncio.create_task(self._watch())
            async for event in self._told(stream, seen, alive):
                yield event
        finally:
            self._streams.discard(stream)
            if not self._streams and self._watcher is not None:
                self._watcher.cancel()
                self._watcher = None

    async def _told(self, stream: _Stream, seen: str, alive: Alive) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        begun, beat = clock(), clock()
        yield b"retry: 1000\n\n"
        while not self._ended and clock() - begun < LIFE_SECONDS:
            now = self._stamp(stream)
            if now and now != seen:
                seen = now
                yield _event("changed", now)
                await asyncio.sleep(APART_SECONDS)
                continue
            stream.changed.clear()
            try:
                await asyncio.wait_for(stream.changed.wait(), max(0.0, beat + BEAT_SECONDS - clock()))
            except TimeoutError:
                beat = clock()
                if self._watcher is not None and self._watcher.done():
                    self._watcher.result()  # what nobody foresaw: no page may look alive then
                    return
                if not await run_in_threadpool(alive):
                    yield _event("over", "")
                    return
                yield _event("beat", seen)

    def _stamp(self, stream: _Stream) -> str:
        if self._stamps and stream.node and stream.node not in self._stamps:
            return ""  # nobody has looked for it yet
        return combined(self._stamps, stream.node)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look_again()

    async def _look_again(self) -> None:
        nodes = frozenset(each.node for each in self._streams if each.node)
        try:
            found = await run_in_threadpool(self._look, nodes)
        except IntendanceError:
            return  # the database is away: the pages say so themselves when they are asked
        if found != self._stamps:
            self._stamps = found
            self._wake()

    def _wake(self) -> None:
        for each in self._streams:
            each.changed.set()


def _event(name: str, stamp: str) -> bytes:
    return f"id: {stamp}\nevent: {name}\ndata: {stamp or '-'}\n\n".encode()
