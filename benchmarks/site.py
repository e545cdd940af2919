"""The page of `./dev bench page`: a server of it, and somebody who reads it again and again. Each is a process.

`python -m benchmarks.site serve CLIENT…` answers `GET /member/NUMBER` with what a member's sheet takes: the
member by address, their gifts and letters, the campaign's total, the members of the town, and a gift that is written;
six statements over one connection of MariaDB's own client, and the HTML made of their rows. Its first line says its
port. `python -m benchmarks.site visit PORT MEMBERS PAUSE` asks for a page, waits, asks for the next, and writes a line
for each: when it was asked for and how long it took (seconds of the monotonic clock, which all processes share).
"""

from __future__ import annotations

import html
import http.client
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

_SEED = 20261122
_END = b"the page is served\n"
_HEADINGS = ("member", "gifts", "letters", "campaign", "town")


def statements(member: int, campaign: int, gift: int) -> str:
    """The SQL of one page, each result announced by a line of its own."""
    parts = (
        f"SELECT * FROM members WHERE email = CONCAT(MD5({member}), '@example.org')",
        f"SELECT paid_at, amount, reference FROM gifts WHERE member = {member} ORDER BY paid_at DESC LIMIT 20",
        f"SELECT subject, body FROM letters WHERE member = {member} ORDER BY sent_at DESC LIMIT 5",
        f"SELECT COUNT(*), SUM(amount) FROM gifts WHERE campaign = {campaign}",
        f"SELECT name FROM members WHERE city = (SELECT city FROM members WHERE id = {member}) LIMIT 30",
    )
    written = (
        "INSERT INTO gifts (member, campaign, amount, paid_at, reference) "
        f"VALUES ({member}, {campaign}, 10, NOW(), 'page-{gift}')"
    )
    announced = "".join(f"SELECT '# {name}';{sql};" for name, sql in zip(_HEADINGS, parts, strict=True))
    return f"{announced}{written};SELECT '{_END.decode().strip()}';\n"


class Database:
    """One connection, kept open, by the client that the rest of the machine uses."""

    def __init__(self, argv: Sequence[str]) -> None:
        options = ("--batch", "--unbuffered", "--skip-column-names")
        self._client = subprocess.Popen([*argv, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def lines(self, sql: str) -> Iterator[bytes]:
        """What the server answers, up to the page's end."""
        stdin, stdout = self._client.stdin, self._client.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(sql.encode())
        stdin.flush()
        while (line := stdout.readline()) != _END:
            if not line:
                raise ChildProcessError("the page's connection ended")
            yield line


def rendered(lines: Iterator[bytes]) -> bytes:
    """The page: a heading for each result, a table row for each row."""
    pieces = ["<!doctype html><meta charset=utf-8><title>member</title>"]
    for line in lines:
        text = line.decode(errors="replace").rstrip("\n")
        if text.startswith("# "):
            pieces.append(f"<h2>{html.escape(text[2:])}</h2>")
        else:
            pieces.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in text.split("\t")) + "</tr>")
    return "\n".join(pieces).encode()


def serve(argv: Sequence[str]) -> None:
    """Answer until our input ends."""
    database, chance = Database(argv), random.Random(_SEED)
    # A number that no other page of this database has had: the references of gifts are unique.
    first = int(time.time() * 100)

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        served = 0

        def do_GET(self) -> None:
            member = int(self.path.rpartition("/")[2])
            Page.served += 1
            body = rendered(database.lines(statements(member, chance.randrange(400), first + Page.served)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the visitor keeps the times."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def visit(port: int, members: int, pause_seconds: float) -> None:
    """Read pages of members by chance, one at a time, until somebody ends us."""
    chance = random.Random(_SEED)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while True:
        began = time.perf_counter()
        connection.request("GET", f"/member/{chance.randint(1, members)}")
        answer = connection.getresponse()
        content = answer.read()
        taken = time.perf_counter() - began
        if answer.status != 200 or content.count(b"<h2>") != len(_HEADINGS):
            raise ValueError(f"this is not the page: {answer.status}, {len(content)} bytes")
        print(f"{began} {taken}", flush=True)
        time.sleep(pause_seconds)


if __name__ == "__main__":
    act, *words = sys.argv[1:]
    if act == "serve":
        serve(words)
    else:
        visit(int(words[0]), int(words[1]), float(words[2]))
