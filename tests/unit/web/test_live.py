"""The streams of open pages: told once of each change, let go with their session, never more than there is room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest

from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.web import live
from intendance.web.live import Live, combined


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_SECONDS", "BEAT_SECONDS", "APART_SECONDS"):
        monkeypatch.setattr(live, name, 0.01)


class World:
    """What there is to be seen."""

    def __init__(self) -> None:
        self.stamps = {"": "1", "web-01": "a"}
        self.away = False
        self.logged_in = True

    def look(self, nodes: frozenset[str]) -> Mapping[str, str]:
        if self.away:
            raise DatabaseUnreachable(where="here", detail="gone")
        return {name: self.stamps.get(name, "") for name in ("", *nodes)}

    def alive(self) -> bool:
        return self.logged_in


def run(story: Callable[[World, Live], Awaitable[None]]) -> None:
    world = World()
    asyncio.run(asyncio.wait_for(story(world, Live(world.look)), 60))


async def until(events: AsyncIterator[bytes], name: str) -> bytes:
    """The next event of that name; what comes before it goes."""
    async for event in events:
        if f"event: {name}\n".encode() in event:
            return event
    raise AssertionError(f"the stream ended without {name}")


def test_what_changed_between_the_page_and_its_stream_is_told_at_once() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "0", world.alive)
        assert await until(events, "changed") == b"id: 1\nevent: changed\ndata: 1\n\n"
        await until(events, "beat")
        world.stamps[""] = "2"
        assert b"id: 2" in await until(events, "changed")
        await until(events, "beat")

    run(story)


def test_a_page_about_a_node_is_told_of_its_evidence_and_no_other_page_is() -> None:
    async def story(world: World, streams: Live) -> None:
        about = streams.events("s", "web-01", combined(world.stamps, "web-01"), world.alive)
        wall = streams.events("s", "", "1", world.alive)
        await until(about, "beat")
        await until(wall, "beat")
        world.stamps["web-01"] = "b"
        assert b"id: 1.b" in await until(about, "changed")
        for _ in range(3):
            event = await anext(wall)
            assert b"event: beat" in event

    run(story)


def test_a_stream_ends_with_its_session() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "1", world.alive)
        await until(events, "beat")
        world.logged_in = False
        await until(events, "over")
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        assert streams.open_streams == 0

    run(story)


def test_nobody_watches_when_nobody_listens() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "1", world.alive)
        await until(events, "beat")
        assert streams.open_streams == 1
        await events.aclose()  # type: ignore[attr-defined]
        assert streams.open_streams == 0
        others = asyncio.all_tasks() - {asyncio.current_task()}
        watching = [task for task in others if "Live._watch" in repr(task.get_coro())]
        assert len(watching) == 1
        await asyncio.wait(watching)  # it was asked to end

    run(story)


def test_there_is_room_for_so_many_and_so_many_of_one_session() -> None:
    async def story(world: World, streams: Live) -> None:
        held = [streams.events("s", "", "0", world.alive) for _ in range(live.MAX_OF_ONE)]
        for events in held:
            await until(events, "changed")
        assert not streams.has_room("s")
        assert streams.has_room("t")
        others = [streams.events(f"{number}", "", "0", world.alive) for number in range(live.MAX_STREAMS - len(held))]
        for events in others:
            await until(events, "changed")
        assert not streams.has_room("u")
        await others[0].aclose()  # type: ignore[attr-defined]
        assert streams.has_room("u")
        streams.end()
        assert not streams.has_room("u")

    run(story)


def test_a_database_that_is_away_ends_no_stream() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "1", world.alive)
        await until(events, "beat")
        world.away = True
        await until(events, "beat")
        world.stamps[""] = "3"
        world.away = False
        assert b"id: 3" in await until(events, "changed")

    run(story)


def test_a_watcher_that_fails_leaves_no_page_that_looks_alive() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "1", world.alive)
        await until(events, "beat")
        del world.stamps
        with pytest.raises(AttributeError):
            await until(events, "never")
        world.stamps = {"": "4"}
        assert b"id: 4" in await until(streams.events("s", "", "1", world.alive), "changed")

    run(story)


def test_all_streams_end_when_the_manager_does() -> None:
    async def story(world: World, streams: Live) -> None:
        events = streams.events("s", "", "1", world.alive)
        await until(events, "beat")
        await asyncio.to_thread(streams.end)
        assert [event async for event in events if b"changed" in event] == []
        assert streams.open_streams == 0

    run(story)
