"""A private SSH server with SFTP: OpenSSH's own, on loopback, for one person with one key.

It runs as whoever runs the tests, for root as Debian's user `backup`: as root it would want a user of its own in
/etc/passwd.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.model.plan import SecretReference, SftpStore
from tests.support.children import ending_with_us
from tests.support.ports import free_port
from tests.support.state import until

ADDS_ONLY = 'command="internal-sftp -P remove,rmdir,posix-rename,setstat,fsetstat,symlink,hardlink",restrict'
"""A key that stores and removes nothing, as docs/stores/sftp.md has it."""
READS_ONLY = 'command="internal-sftp -R",restrict'
"""A key for who only looks."""

UNPACKED = Path(__file__).parents[2] / ".dev" / "openssh"
"""Where `./dev system` unpacks Debian's packages, so that no service comes with them."""


@dataclass(frozen=True)
class SshServer:
    """A running server: where it listens, what it shows, and the key that it lets in."""

    port: int
    host_key: str
    key: Path
    user: str
    folder: Path
    process: subprocess.Popen[bytes]

    def new_folder(self) -> Path:
        """A folder of the person who logs in."""
        made = Path(tempfile.mkdtemp(prefix="store-", dir=self.folder / "home"))
        person = pwd.getpwnam(self.user)
        os.chown(made, person.pw_uid, person.pw_gid)
        return made

    def let_in(self, options: str = "") -> Path:
        """One more key of the same person, with options of authorized_keys(5); the private half."""
        made = Path(tempfile.mkdtemp(prefix="key-", dir=self.folder)) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "more", "-f", made], check=True)
        with (self.folder / "authorized_keys").open("a") as allowed:
            allowed.write(f"{options} {made.with_suffix('.pub').read_text()}".lstrip())
        return made

    def store(
        self, path: Path | None = None, name: str = "box", *, credentials: str = "", delete_credentials: str = ""
    ) -> SftpStore:
        """A folder there, as a plan declares it; without a path, one that is not there yet. The keys are files: that of
        whoever may do everything, and none that deletes, unless others are named."""
        path = path or self.new_folder() / "store"
        return SftpStore(
            name=name,
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            path=str(path),
            host_key=self.host_key,
            credentials=SecretReference(file=credentials or str(self.key)),
            delete_credentials=SecretReference(file=delete_credentials) if delete_credentials else None,
        )


def written(far: SftpStore) -> str:
    """That store as a line of a plan."""
    deleting = far.delete_credentials
    return (
        f"{far.name}: {{kind: sftp, host: {far.host}, port: {far.port}, user: {far.user}, path: {far.path}, "
        f'host_key: "{far.host_key}", credentials: {{file: {far.credentials.file}}}'
        + (f", delete_credentials: {{file: {deleting.file}}}" if deleting is not None else "")
        + "}"
    )


@contextmanager
def sshd(*sftp_options: str) -> Iterator[SshServer]:
    """Start one, and end it with all its children. `sftp_options` are those of sftp-server(8)."""
    binary = _program("usr/sbin/sshd")
    folder = Path(tempfile.mkdtemp(prefix="sshd-"))
    process = None
    person = pwd.getpwnam("backup") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    try:
        for name in ("host", "person"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
            subprocess.run(command, check=True)
        shutil.copy(folder / "person.pub", folder / "authorized_keys")
        (folder / "home").mkdir()
        for path in (folder, *folder.iterdir()):
            os.chown(path, person.pw_uid, person.pw_gid)
        port = free_port()
        settings = folder / "sshd_config"
        settings.write_text(_settings(folder, port, sftp_options))
        said = folder / "log"  # a pipe that nobody reads would hold it up, once it is full
        process = subprocess.Popen(
            [*ending_with_us(signal.SIGKILL), binary, "-D", "-E", said, "-f", settings],
            start_new_session=True,
            user=person.pw_uid,
            group=person.pw_gid,
            env={
                **os.environ,
                "LD_LIBRARY_PATH": ":".join(str(place) for place in UNPACKED.glob("**/lib/*-linux-gnu")),
            },
            extra_groups=[] if os.geteuid() == 0 else None,
        )
        running = process
        until(lambda: running.poll() is not None or _listens(said), "sshd to listen")
        assert running.poll() is None, said.read_text(errors="replace")
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        yield SshServer(port, host_key, folder / "person", person.pw_name, folder, process)
    finally:
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
        # Who is logged in has a session of his own, and ends when he notices: until then he may write here.
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[SshServer]:
    with sshd() as server:
        yield server


def _listens(said: Path) -> bool:
    return said.exists() and b"Server listening" in said.read_bytes()


def _settings(folder: Path, port: int, sftp_options: tuple[str, ...]) -> str:
    lines = (
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {folder}/host",
        f"PidFile {folder}/pid",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "UseDNS no",
        "MaxStartups 100",
        f"Subsystem sftp {' '.join(('internal-sftp', *sftp_options))}",
    )
    return "".join(f"{line}\n" for line in lines)


def _program(path: str) -> Path:
    found = next((place for place in (Path("/") / path, UNPACKED / path) if place.exists()), None)
    if found is None:
        assert os.environ.get("CI") != "true", f"{path} is missing, and in CI every test runs"
        pytest.skip(f"{path} is missing: ./dev system")
    return found
