"""Speaking with a server through its own client programs. No password is ever in an argument or a file of ours:
what the plan's secret reference gives is handed on as an anonymous file in memory.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from intendance.engines.mariadb import faults
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import CredentialsUnusable, SourceUnreachable
from intendance.model.errors.process import ProgramFailed, ProgramTimedOut
from intendance.model.plan import MariadbAsset, SecretReference
from intendance.system import process, secret
from intendance.system.redaction import Secrets

CONNECT_SECONDS = 10
QUERY_SECONDS = 120.0
LOCK_WAIT_SECONDS = 30
_OPTION = re.compile(rb"^\s*(?:-\S, )?--([a-z][a-z0-9-]+)", re.MULTILINE)
_PREFIX = re.compile(r"^(?:loose-|skip-|no-|disable-|enable-)+")
_HELPFUL = ("mariadb", "mariadb-dump")
MAX_PACKET = "--max-allowed-packet=1G"

_GROUPS = ("mysql", "mariadb-client", "mysqldump", "mariadb-dump", "client", "client-server", "client-mariadb")
# What an options file may set: how to connect, and what changes nothing in a dump. Anything else (`where`,
# `ignore-table`, `no-data`, `compact` …) could make a backup smaller than it looks.
_ALLOWED = re.compile(
    r"(user|password|host|port|socket|protocol|pipe|bind-address|connect-timeout|compress|default-auth|plugin-dir"
    r"|(?:disable-|skip-)?ssl(?:-[a-z-]+)?|tls-version|secure-auth|max-allowed-packet|net-buffer-length"
    r"|default-character-set|character-sets-dir|quick|quote-names|(?:skip-|no-)?auto-rehash|prompt|reconnect)\Z"
)
_PRELUDE = (
    f"SET SESSION sql_mode='', lock_wait_timeout={LOCK_WAIT_SECONDS}, group_concat_max_len=16777216;\n"
    "SET SESSION TRANSACTION READ ONLY;\n"
)
_ESCAPES: Mapping[str, str] = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


class Client:
    """The client programs, with one asset's connection. Close it: it may hold the secret's descriptor.

    `also_groups` are sections of an options file that a further program reads. Raises CredentialsUnusable when the
    secret reference gives nothing usable.
    """

    def __init__(self, asset: MariadbAsset, *, also_groups: Sequence[str] = ()) -> None:
        self.asset = asset
        self._groups = (*_GROUPS, *also_groups)
        self._programs = (*_HELPFUL, *({"mariadb-backup"} & set(also_groups)))
        self.grants: tuple[str, ...] = ()  # the statements an access refusal should advise
        self.warnings: tuple[str, ...] = ()
        self._descriptor: int | None = None
        self._secrets = Secrets()
        self.defaults = self._take_credentials(asset.connect.credentials)

    def argv(self, program: str, *options: str) -> tuple[str, ...]:
        """`program` with the options file and the connection, then `options`."""
        return (program, self.defaults, *self._connection(), *options)

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """Descriptors that a program started with `argv` needs."""
        return () if self._descriptor is None else (self._descriptor,)

    def close(self) -> None:
        """Let go of the secret."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def query(
        self, sql: str, *, deadline_seconds: float = QUERY_SECONDS, read_only: bool = True
    ) -> list[tuple[str, ...]]:
        """Rows of all results of `sql`, as text. Raises SourceUnreachable, AccessDenied, SourceMissing,
        EngineFailed."""
        argv = self.argv(
            "mariadb", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--skip-reconnect",
            f"--connect-timeout={CONNECT_SECONDS}", MAX_PACKET,
        )  # fmt: skip
        try:
            done = process.run(
                argv,
                input=((_PRELUDE if read_only else "") + sql).encode(),
                deadline_seconds=deadline_seconds,
                pass_fds=self.pass_fds,
                accept=range(256),
            )
        except ProgramTimedOut:
            raise SourceUnreachable(
                asset=self.asset.name, detail=f"the server did not answer within {int(deadline_seconds)} s"
            ) from None
        if done.code != 0:
            raise self.fault(done.stderr, done.code)
        return rows_of(done.stdout.decode(errors="replace"))

    def fault(self, stderr: str, code: int) -> IntendanceError:
        """The error that fits what a client program said."""
        return faults.from_stderr(self.asset.name, self.hide(stderr), code=code, grants=self.grants)

    def hide(self, text: str) -> str:
        """What a program said without the secrets of this connection, in whatever spelling."""
        return self._secrets.hide(text)

    def supports(self, program: str, option: str) -> bool:
        """Whether this machine's `program` knows `option`."""
        return option.encode() in process.run([program, "--no-defaults", "--help"], deadline_seconds=60).stdout

    def _connection(self) -> tuple[str, ...]:
        connect = self.asset.connect
        options: list[str] = []
        if connect.socket is not None:
            options += ["--protocol=SOCKET", f"--socket={connect.socket}"]
        elif connect.host is not None:
            options += ["--protocol=TCP", f"--host={connect.host}", f"--port={connect.port or 3306}"]
        if connect.credentials is None:
            with contextlib.suppress(KeyError):
                options.append(f"--user={pwd.getpwuid(os.geteuid()).pw_name}")
        return tuple(options)

    def _take_credentials(self, reference: SecretReference | None) -> str:
        if reference is None:
            return "--no-defaults"
        if reference.file is not None:
            path = self._usable_file(self._found(reference.file))
        else:
            self._descriptor = _in_memory(self._secret(reference))
            path = f"/proc/self/fd/{self._descriptor}"
        try:
            self._refuse_options(path)
        except IntendanceError:
            self.close()
            raise
        return f"--defaults-file={path}"

    def _found(self, file: str) -> Path:
        try:
            return secret.path_of(file)
        except secret.SecretUnusable as unusable:
            raise self._unusable(unusable.detail, unusable.remedy) from None

    def _usable_file(self, path: Path) -> str:
        try:
            with path.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
        except OSError as failure:
            raise self._unusable(
                f"{path}: {failure.strerror}", f"Write the options file {path}, readable by who runs Intendance."
            ) from None
        if not stat.S_ISREG(mode):
            raise self._unusable(f"{path} is not a file", "Name an options file with a [client] section.")
        if mode & stat.S_IWOTH:
            raise self._unusable(
                f"{path} can be written by everybody, so MariaDB ignores it", f"Close it: `chmod 600 {path}`."
            )
        if mode & stat.S_IROTH:
            self.warnings += (f"the credentials in {path} can be read by every user of this machine: chmod 600 {path}",)
        return str(path.absolute())

    def _secret(self, reference: SecretReference) -> bytes:
        if reference.env is not None:
            value = os.environ.get(reference.env)
            if not value:
                raise self._unusable(
                    f"the environment variable {reference.env} is not set",
                    f"Set {reference.env}, where Intendance runs, to the text of an options file ([client], user …).",
                )
            return value.encode()
        try:
            return process.run(reference.command or ("false",), deadline_seconds=30).stdout
        except ProgramFailed as failure:  # what it said may be the secret, or a token that opens it: not repeated
            code, words = failure.params["code"], reference.command or ("false",)
            raise self._unusable(
                f"the command {words[0]} that gives them ended with code {code}",
                "Run that command by hand to see why; it must print the text of an options file.",
            ) from None
        except IntendanceError as failure:
            raise self._unusable(failure.message, "Make that command print the text of an options file.") from None

    def _refuse_options(self, path: str) -> None:
        try:
            shown = process.run(
                ["my_print_defaults", f"--defaults-file={path}", *self._groups],
                deadline_seconds=60,
                pass_fds=self.pass_fds,
            ).stdout.decode(errors="replace")
        except ProgramFailed as failure:
            raise self._unusable(
                faults.sentence_of(failure.message),
                "Write it as an options file: a [client] section with user and password.",
            ) from None
        pairs = [line.removeprefix("--").partition("=") for line in shown.splitlines()]
        self._secrets = Secrets(value for name, _, value in pairs if "pass" in name)
        names = [name.replace("_", "-") for name, _, _ in pairs]
        refused = sorted({name for name in names if not _ALLOWED.match(name.removeprefix("loose-"))})
        if refused:
            raise self._unusable(
                f"they set {_named(refused, self._programs)}, which may change what a dump holds",
                "Keep only what a connection needs (user, password, host, socket, ssl-*) in what the plan points to.",
            )

    def _unusable(self, detail: str, remedy: str) -> CredentialsUnusable:
        return CredentialsUnusable(asset=self.asset.name, detail=detail, remedy=remedy)


def _named(options: Sequence[str], programs: Sequence[str]) -> str:
    """Options by their names where a program that reads them has such ones; any other line may be a password gone
    astray."""
    told = b"".join(process.run([each, "--no-defaults", "--help"], deadline_seconds=60).stdout for each in programs)
    known = {name.decode() for name in _OPTION.findall(told)}
    named = [option for option in options if {option.removeprefix("loose-"), _PREFIX.sub("", option)} & known]
    if len(named) == len(options):
        return ", ".join(named)
    strange = f"{len(options) - len(named)} of a name that no client program knows"
    return ", ".join((*named, strange))


def rows_of(printed: str) -> list[tuple[str, ...]]:
    """The rows that a client in batch mode printed."""
    return [tuple(map(_unescaped, line.split("\t"))) for line in printed.split("\n")[:-1]]


def literal(text: str) -> str:
    """A string in SQL, under the sql_mode that `query` sets."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literals(texts: Sequence[str]) -> str:
    """A list of strings in SQL."""
    return ", ".join(map(literal, texts))


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("credentials", os.MFD_CLOEXEC)
    os.fchmod(descriptor, 0o600)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor


def _unescaped(field: str) -> str:
    return re.sub(r"\\([nt0\\])", lambda found: _ESCAPES[found.group(1)], field)
