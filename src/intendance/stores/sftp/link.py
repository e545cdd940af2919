"""One SSH connection with SFTP on it, kept in a thread of its own, so that a store can be asked plainly."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import asyncssh

from intendance.model.errors.store import StoreCredentialsUnusable, StoreHostUnknown, StoreUnreachable
from intendance.model.plan import SftpStore as Declared

T = TypeVar("T")
Question = Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, T]]
"""What is asked of the far side; it runs in the link's thread."""

CONNECT_SECONDS = 30
SILENCE_SECONDS = 60
"""How long one request may stay unanswered; a disk that spins up takes ten."""
_KEEPALIVE_SECONDS, _KEEPALIVES = 15, 4
_CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
"""Those that processors compute first; what passes is ciphertext already."""


class _Wire:
    """What must be ended with the link: a loop that turns in a thread, and the connection that it carries."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # Each of many requests on their way fails when a line is cut. The first is raised, and the others are not told
        # of on the standard error output.
        self.loop.set_exception_handler(lambda _loop, _context: None)
        self.lock = asyncio.Lock()
        self.connection: asyncssh.SSHClientConnection | None = None
        self.client: asyncssh.SFTPClient | None = None
        self._thread = threading.Thread(target=self._turn, name="sftp", daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def end(self) -> None:
        with suppress(TimeoutError, RuntimeError):  # a far side that says nothing more keeps nobody
            asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(timeout=2)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=2)

    async def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.abort()
            await self.connection.wait_closed()


class Link:
    """Asks one host; connects at the first question, and again after the connection was lost.

    Any thread may ask. What goes wrong on the way is raised as asyncssh, the system or the clock said it; only what
    keeps us from logging in is an error of ours: StoreCredentialsUnusable, StoreHostUnknown.
    """

    def __init__(
        self, declared: Declared, private_key: Callable[[], str], silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        self._declared = declared
        self._private_key = private_key
        self._silence_seconds = silence_seconds
        self._starting = threading.Lock()
        self._wire: _Wire | None = None

    def ask(self, question: Question[T]) -> T:
        """The answer. Raises TimeoutError when it does not come."""
        return self.begin(question).result()

    def begin(self, question: Question[T]) -> Future[T]:
        """Ask and go on; the future holds the answer."""
        with self._starting:
            if self._wire is None:
                self._wire = _Wire()
                weakref.finalize(self, self._wire.end)
        return asyncio.run_coroutine_threadsafe(self._answer(self._wire, question), self._wire.loop)

    async def _answer(self, wire: _Wire, question: Question[T]) -> T:
        async with wire.lock:
            if wire.client is None or wire.connection is None or wire.connection.is_closed():
                wire.connection = await self._connect()
                wire.client = await asyncio.wait_for(wire.connection.start_sftp_client(), self._silence_seconds)
            client = wire.client
        return await asyncio.wait_for(question(client), self._silence_seconds)

    async def _connect(self) -> asyncssh.SSHClientConnection:
        declared = self._declared
        trusted = asyncssh.import_public_key(declared.host_key)
        try:
            return await asyncssh.connect(
                declared.host,
                declared.port,
                username=declared.user,
                client_keys=[self._key()],
                known_hosts=([trusted], [], []),
                config=None,
                agent_path=None,
                gss_host=None,
                preferred_auth="publickey",
                encryption_algs=list(_CIPHERS),
                compression_algs=["none"],
                connect_timeout=CONNECT_SECONDS,
                keepalive_interval=_KEEPALIVE_SECONDS,
                keepalive_count_max=_KEEPALIVES,
            )
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed):
            raise StoreHostUnknown(store=declared.name, found=await self._shown()) from None
        except asyncssh.PermissionDenied:
            raise StoreCredentialsUnusable(
                store=declared.name,
                detail=f"{declared.host} lets no {declared.user} in with this key",
                remedy=f"Put its public half into ~{declared.user}/.ssh/authorized_keys there, then try again.",
            ) from None

    async def _shown(self) -> str:
        """The host key that is shown instead, as people compare it: `ssh-ed25519 SHA256:…`."""
        try:
            key = await asyncio.wait_for(
                asyncssh.get_server_host_key(self._declared.host, self._declared.port, config=None), CONNECT_SECONDS
            )
        except (OSError, TimeoutError, asyncssh.Error) as error:
            raise StoreUnreachable(store=self._declared.name, detail=str(error)) from None
        return "none" if key is None else f"{key.get_algorithm()} {key.get_fingerprint()}"

    def _key(self) -> asyncssh.SSHKey:
        try:
            return asyncssh.import_private_key(self._private_key())
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            locked = "passphrase" in str(error).lower()
        detail = "the private key wants a passphrase" if locked else "that is no private SSH key"
        remedy = "Make a key for this alone: `ssh-keygen -t ed25519 -N '' -f FILE`."
        raise StoreCredentialsUnusable(store=self._declared.name, detail=detail, remedy=remedy)
