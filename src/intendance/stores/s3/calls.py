"""Requests to one bucket: each with a deadline, repeated when it is only a passing fault, refusals in our own words."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from intendance.model.errors.store import StoreUnreachable
from intendance.model.frozen import dataclass
from intendance.model.plan import S3Store as Declared
from intendance.stores.s3.credentials import AccessKey, access_key
from intendance.stores.s3.faults import from_reply, reply_of
from intendance.system.clock import Clock, SystemClock, monotonic_seconds, wait
from intendance.system.redaction import Secrets

Answer = TypeVar("Answer")

_CONNECTING = threading.Lock()  # boto3 makes one client at a time

_WHOLE = MappingProxyType(
    {
        "head_object": ("ContentLength", "ETag", "LastModified"),
        "get_object": ("ContentLength", "ETag", "LastModified"),
        "list_objects_v2": ("IsTruncated",),
        "list_object_versions": ("IsTruncated",),
        "list_multipart_uploads": ("IsTruncated",),
        "get_object_lock_configuration": ("ObjectLockConfiguration",),
    }
)
"""What every whole answer holds. Python's HTTP client takes one that was cut within its head for a whole one that says
less: a listing would come back empty."""

DEFAULT_REGION = "us-east-1"
"""What a signature names when the plan names no region: what S3 servers without regions expect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long we wait for a store, in seconds. `attempts` of one request; the pause before a repetition doubles.

    A transfer may take `answer_seconds` and its bytes at `slowest_bytes_per_second` more.
    """

    connect_seconds: float = 10.0
    silence_seconds: float = 60.0
    answer_seconds: float = 120.0
    slowest_bytes_per_second: int = 64 << 10
    attempts: int = 5
    pause_seconds: float = 1.0

    def transfer_seconds(self, size_bytes: int) -> float:
        """The deadline of one transfer."""
        return self.answer_seconds + size_bytes / self.slowest_bytes_per_second


class Unanswered(Exception):
    """A request that may or may not have been carried out; `detail` is redacted."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Bucket:
    """A bucket of the plan, spoken to with the credentials that the plan points to. Threads may share it."""

    def __init__(self, declared: Declared, *, clock: Clock | None = None, patience: Patience | None = None) -> None:
        self.declared = declared
        self.patience = patience or Patience()
        self.clock = clock or SystemClock()
        self._secrets = Secrets()
        self._client: Any = None
        self._making = threading.Lock()

    @property
    def name(self) -> str:
        """The store's name in the plan."""
        return self.declared.name

    def use(self, client: Any) -> None:
        """Speak with this client from now on."""
        self._client = client

    def ask(self, method: str, operation: str, *, key: str | None = None, **arguments: Any) -> Any:
        """One request that changes nothing, or that may be made twice: repeated until it is answered.

        Raises the errors of stores.
        """
        return self.persist(lambda: self.once(method, operation, key=key, **arguments))

    def persist(self, attempt: Callable[[], Answer]) -> Answer:
        """Do something until it is answered, at most `attempts` times. Raises StoreUnreachable, or what it raises."""
        for repetition in range(self.patience.attempts):
            try:
                return attempt()
            except Unanswered as failure:
                if repetition + 1 == self.patience.attempts:
                    raise StoreUnreachable(store=self.name, detail=failure.detail) from None
            # Not all clients of a store that was away come back at the same moment.
            wait(self.patience.pause_seconds * 2**repetition * random.uniform(0.75, 1.25))  # noqa: S311
        raise StoreUnreachable(store=self.name, detail="it was asked for nothing")

    def once(
        self, method: str, operation: str, *, key: str | None = None, seconds: float | None = None, **arguments: Any
    ) -> Any:
        """One request, made once. Raises Unanswered, or the error of stores that its refusal means."""
        client = self._connected()
        if key is not None:
            arguments["Key"] = key
        answer = self._within(
            seconds or self.patience.answer_seconds,
            lambda: getattr(client, method)(Bucket=self.declared.bucket, **arguments),
            operation,
            key,
        )
        cut = any(field not in answer for field in _WHOLE.get(method, ()))
        if cut or not str(answer.get("ETag", '"')).endswith('"'):
            _let_go(answer)
            raise Unanswered("its answer was cut")
        return answer

    def unanswered(self, error: BaseException) -> Unanswered:
        """A broken connection as it is told."""
        words = str(error) or type(error).__name__
        return Unanswered(self._secrets.hide(words[:1].lower() + words[1:]).rstrip("."))

    def _within(self, seconds: float, call: Callable[[], Any], operation: str, key: str | None) -> Any:
        """botocore's time-outs are for a silence; an answer that comes drop by drop is bounded only here."""
        outcome: list[Any] = []
        failure: list[BaseException] = []
        given_up = threading.Event()

        def run() -> None:
            try:
                outcome.append(call())
            except BaseException as error:  # noqa: BLE001 -- raised below, in the caller's thread
                failure.append(error)
            if given_up.is_set():
                _let_go(*outcome)

        thread = threading.Thread(target=run, name=f"{self.name} request", daemon=True)
        until = monotonic_seconds() + seconds
        thread.start()
        thread.join(max(0.0, until - monotonic_seconds()))
        if failure:
            raise self._translated(failure[0], operation, key) from None
        if not outcome:
            given_up.set()
            raise Unanswered(f"no whole answer within {round(seconds)} s")
        return outcome[0]

    def _translated(self, error: BaseException, operation: str, key: str | None) -> BaseException:
        from botocore import exceptions  # as boto3 itself: only once a bucket is spoken to

        if isinstance(error, exceptions.ClientError):
            reply = reply_of(error.response)
            if reply.passing:
                return Unanswered(self._secrets.hide(f"it answered {reply.code} {reply.message}".rstrip(". ")))
            return from_reply(
                reply,
                store=self.name,
                bucket=self.declared.bucket,
                operation=operation,
                key=key,
                secrets=self._secrets,
                now=self.clock.read().at,
            )
        if isinstance(error, exceptions.BotoCoreError | OSError | ValueError):  # also a number or a time that was cut
            return self.unanswered(error)
        return error

    def _connected(self) -> Any:
        with self._making:
            if self._client is None:
                key = access_key(self.name, self.declared.credentials)
                self._secrets = Secrets(filter(None, (key.id, key.secret, key.token)))
                self._client = connect(self.declared, key, self.patience)
            return self._client


def _let_go(*answers: Any) -> None:
    """Close the connections of answers that nobody reads."""
    for answer in answers:
        if "Body" in answer:
            answer["Body"].close()


def connect(declared: Declared, key: AccessKey, patience: Patience) -> Any:
    """boto3's client of a store, with nothing taken from the caller's own AWS settings.

    It never repeats a request by itself: what is repeated, and how a repetition is told from a second writer, is ours.
    """
    from botocore.config import Config  # as boto3: only once a bucket is spoken to

    config = Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.silence_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",  # Content-MD5 is ours, and every store knows it
        response_checksum_validation="when_required",
        # Signed is Content-MD5, as over HTTPS, and not one more SHA-256 over bytes that have one beside them already.
        s3={"addressing_style": "path" if declared.endpoint else "auto", "payload_signing_enabled": False},
        ignore_configured_endpoint_urls=True,
        user_agent_extra="intendance",
        tcp_keepalive=True,
    )
    with _CONNECTING:
        return _session().client(
            "s3",
            endpoint_url=declared.endpoint,
            region_name=declared.region or DEFAULT_REGION,
            aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
            config=config,
        )


@cache
def _session() -> Any:
    """One for all clients: what boto3 reads of its own descriptions is read once."""
    import boto3  # 25 MiB and a quarter of a second, only once a bucket is spoken to

    return boto3.session.Session()
