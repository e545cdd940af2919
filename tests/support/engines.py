"""What stands around an engine in a test: plain pipes, no compression, no encryption."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from intendance.engines import BackupSession, Consumer, Finished, Producer, Replays, RestoreSession, Source, StreamInSet
from intendance.engines.naming import TellsNames
from intendance.model.evidence.restore import Check
from intendance.system import process

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Taken:
    """One stream as its producer gave it."""

    media: str
    content: bytes
    finished: Finished


@dataclass(frozen=True, slots=True)
class TakenSet:
    """All streams of one backup."""

    source: Source
    streams: dict[str, Taken]
    told_apart: tuple[str, ...] = ()

    @property
    def in_set(self) -> tuple[StreamInSet, ...]:
        """As a manifest would list them."""
        return tuple(
            StreamInSet(name=name, media=taken.media, details=taken.finished.details)
            for name, taken in self.streams.items()
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the source and of every stream."""
        return self.source.warnings + tuple(w for taken in self.streams.values() for w in taken.finished.warnings)


def start(producer: Producer) -> process.Child:
    """The producer's program with its output in a pipe."""
    return process.start(
        producer.argv,
        stdout=subprocess.PIPE,
        extra_environment=producer.environment,
        pass_fds=producer.pass_fds,
        cwd=producer.cwd,
        on_stderr=producer.on_stderr,
    )


def finish(producer: Producer, child: process.Child, begun: bytes = b"") -> Taken:
    """Read the rest, wait, and let the engine judge how it ended."""
    try:
        content = begun + child.stdout.read()
        code = child.wait(300)
        finished = producer.finish(code, child.stderr())
    finally:
        child.kill()
    if producer.end_marker is not None:
        assert producer.end_marker in content[-256:]
    return Taken(producer.media, content, finished)


def told_apart(session: BackupSession) -> tuple[str, ...]:
    """The names that a session keeps out of its warnings."""
    return tuple(session.told_apart) if isinstance(session, TellsNames) else ()


def take(session: BackupSession) -> TakenSet:
    """Run a backup to its end and close it."""
    streams: dict[str, Taken] = {}
    try:
        while (producer := session.next_producer()) is not None:
            streams[producer.stream] = finish(producer, start(producer))
        return TakenSet(session.source, streams, told_apart(session))
    finally:
        session.close()


def feed(consumer: Consumer, content: bytes) -> None:
    """Give a consumer its whole stream."""
    if consumer.head is not None:
        content = consumer.head(content[:HEAD_BYTES]) + content[HEAD_BYTES:]
    done = process.run(
        consumer.argv,
        input=content,
        extra_environment=consumer.environment,
        pass_fds=consumer.pass_fds,
        cwd=consumer.cwd,
        deadline_seconds=300,
        accept=range(-64, 256),
    )
    consumer.finish(done.code, done.stderr)


def load(session: RestoreSession, taken: TakenSet) -> tuple[Check, ...]:
    """Run a restore to its end, its name given, and return its checks; the session stays open."""
    session.prepare()
    for consumer in session.consumers():
        feed(consumer, taken.streams[consumer.stream].content)
    if isinstance(session, Replays):
        session.replay()
    checks = session.check()
    session.publish()
    return checks


def failed(checks: Sequence[Check]) -> list[str]:
    """What did not hold."""
    return [f"{check.name}: {check.found}" for check in checks if not check.ok]
