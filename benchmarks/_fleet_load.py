"""The nodes of `./dev bench fleet`, in a process of their own: raw sockets, requests written before the clock starts.

`python -m benchmarks._fleet_load PORT TOKENS MODE SECONDS CONNECTIONS`; TOKENS is a file of `node secret` lines.
MODE `flat`: as many beats as are answered. MODE `paced`: each node on a connection that it keeps, a beat each minute
at its own second, for SECONDS. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

MINUTE = 60.0
FOR_EVER = float("inf")
SEQ = 1_000_000_000  # beyond what was counted by the part before
NOTE = "bench/node/{node}/20261122T080000Z\n4711\n" + "A" * 43 + "=\n\n— bench/node/{node}/20261122T080000Z " + "B" * 92


def request(node: str, secret: str, seq: int) -> bytes:
    """One heartbeat as an agent sends it."""
    body = json.dumps(
        {
            "v": 1, "node": node, "incarnation": 1, "boot": "11111111-2222-3333-4444-555555555555", "seq": seq,
            "sent_at": time.time_ns() // 1000, "mono_ns": time.monotonic_ns(), "interval_seconds": 60,
            "checkpoint": NOTE.format(node=node), "spooled": 0, "software": "intendance bench",
        }, ensure_ascii=False,
    ).encode()  # fmt: skip
    head = (
        f"POST /api/v1/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is whole."""

    def __init__(self, requests: list[bytes], told: dict[str, list[float]], ends_at: float) -> None:
        self.requests, self.told, self.ends_at = requests, told, ends_at
        self.at, self.began, self.received = 0, 0.0, b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.next()

    def next(self) -> None:
        if self.ends_at == FOR_EVER and self.at == len(self.requests):
            return
        if self.at == len(self.requests) or time.perf_counter() > self.ends_at:
            if not self.done.done():
                self.done.set_result(None)
            return
        self.began = time.perf_counter()
        self.transport.write(self.requests[self.at])
        self.at += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, gap, body = self.received.partition(b"\r\n\r\n")
        if not gap or b"evidence_size" not in body or not body.endswith(b"}"):
            if gap and b" 200 " not in head.split(b"\r\n")[0]:
                self.told["refused"].append(1.0)
                self.received = b""
                self.next()
            return
        self.received = b""
        self.told["seconds"].append(time.perf_counter() - self.began)
        self.next()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.told["refused"].append(1.0)
            self.done.set_result(None)


async def flat(port: int, nodes: list[list[str]], seconds: float, connections: int) -> dict[str, object]:
    """As many beats as are answered, by all nodes in turn."""
    told: dict[str, list[float]] = {"seconds": [], "refused": []}
    rounds = max(1, int(seconds * 12_000 / len(nodes)))
    plans = [
        [request(node[0], node[1], seq) for seq in range(1, rounds + 1) for node in nodes[place::connections]]
        for place in range(connections)
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda each=each: Connection(each, told, began + seconds), "127.0.0.1", port)  # type: ignore[misc]
        for each in plans
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return summary(told, time.perf_counter() - began)


async def paced(port: int, nodes: list[list[str]], seconds: float) -> dict[str, object]:
    """A beat of each node each minute, each on its own kept connection."""
    told: dict[str, list[float]] = {"seconds": [], "refused": []}
    loop = asyncio.get_running_loop()
    kept: list[Connection] = []
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    due = 0
    for minute in range(int(seconds // MINUTE)):
        for place, node in enumerate(nodes):
            at = began + MINUTE * (minute + place / len(nodes))
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            beat = request(node[0], node[1], SEQ + minute)
            due += 1
            if minute == 0:  # it opens its connection to say something: who says nothing is cut off
                kept.append(await open_with(loop, port, Connection([beat], told, FOR_EVER)))
            else:
                kept[place].requests.append(beat)
                kept[place].next()
    await asyncio.sleep(max(1.0, began + seconds - time.perf_counter()))
    return {**summary(told, time.perf_counter() - began), "due": due}


async def open_with(loop: asyncio.AbstractEventLoop, port: int, protocol: Connection) -> Connection:
    """The same, once it is connected and has said its first."""
    await loop.create_connection(lambda: protocol, "127.0.0.1", port)
    return protocol


def summary(told: dict[str, list[float]], seconds: float) -> dict[str, object]:
    answered = sorted(told["seconds"])
    p99 = answered[int(len(answered) * 0.99)] if answered else 0.0
    return {"beats": len(answered), "refused": len(told["refused"]), "seconds": seconds, "p99_ms": p99 * 1e3}


def main(words: list[str]) -> None:
    port, tokens, mode, seconds, connections = words
    nodes = [line.split() for line in Path(tokens).read_text().splitlines()]
    work = (
        flat(int(port), nodes, float(seconds), int(connections))
        if mode == "flat"
        else paced(int(port), nodes, float(seconds))
    )
    print(json.dumps(asyncio.run(work)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
