"""The system itself: its name, packages, timers, logs, certificates, and how much is under /etc."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Mapping
from hashlib import sha256

from intendance.agent.inventory.machine import Machine
from intendance.agent.inventory.webserver import distinct
from intendance.model.evidence.inventory import CertificateFound

_NAMED = (
    "/etc/letsencrypt/live/*/fullchain.pem",
    "/etc/dehydrated/certs/*/fullchain.pem",
)
_SNAKEOIL = "ssl-cert-snakeoil.pem"
"""The certificate that Debian's ssl-cert package makes for nobody in particular."""
_NAMES = 5
_CRON_FOLDERS = ("/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly",
                 "/var/spool/cron/crontabs")  # fmt: skip


def name(machine: Machine) -> str:
    """`Debian GNU/Linux 12 (bookworm)`."""
    text = machine.text("/etc/os-release") or ""
    found = re.search(r"^PRETTY_NAME=\"?([^\"\n]*)", text, re.MULTILINE)
    return found[1] if found else ""


def packages(machine: Machine) -> tuple[str, ...]:
    """The installed packages as sorted `name version` lines."""
    status = machine.place("/var/lib/dpkg/status")
    try:
        text = status.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    found = []
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            found.append(f"{fields['Package']} {fields.get('Version', '')}".rstrip())
    return tuple(sorted(found))


def digest(lines: Iterable[str]) -> tuple[bytes, str]:
    """The lines as a text, and its SHA-256; nothing of nothing."""
    content = "".join(f"{line}\n" for line in lines).encode()
    return content, sha256(content).hexdigest() if content else ""


def timers(machine: Machine) -> tuple[str, ...]:
    """Files of cron jobs and systemd timers that are switched on; what they run is not taken, it may hold passwords."""
    found = ["cron:/etc/crontab"] if machine.is_file("/etc/crontab") else []
    for folder in _CRON_FOLDERS:
        found += [f"cron:{folder}/{each}" for each in machine.names(folder) if not each.startswith(".")]
    wanted = machine.glob("/etc/systemd/system/*.wants/*.timer") + machine.glob(
        "/usr/lib/systemd/system/*.wants/*.timer"
    )
    return distinct((*found, *sorted({f"timer:{each.rpartition('/')[2]}" for each in wanted})))


def logs(machine: Machine, named: Iterable[str]) -> tuple[str, ...]:
    """Folders of logs that servers name, files of /var/log, and the journal."""
    journal = ["journal"] if machine.is_folder("/run/systemd/journal") or machine.is_folder("/var/log/journal") else []
    folders = {path.rpartition("/")[0] for path in named if path.startswith("/")} - {"/var/log"}
    own = machine.names("/var/log")
    files = {f"/var/log/{each}" for each in own if _is_log(each) and machine.is_file(f"/var/log/{each}")}
    holding = {f"/var/log/{each}" for each in own if _holds_logs(machine, f"/var/log/{each}")}
    return tuple(journal + sorted({each for each in folders if machine.is_folder(each)} | files | holding))


def _is_log(name: str) -> bool:
    return name.endswith(".log") or name in ("syslog", "messages", "maillog", "secure")


def _holds_logs(machine: Machine, folder: str) -> bool:
    if folder.endswith(("/journal", "/private", "/installer")):
        return False
    return any(_is_log(each) for each in machine.listed(folder) or ())


def certificates(machine: Machine, named: Mapping[str, tuple[str, ...]]) -> tuple[CertificateFound, ...]:
    """Certificates that servers name or that ACME clients keep, with when they expire."""
    kept = [path for pattern in _NAMED for path in machine.glob(pattern)]
    found = []
    for path in distinct((*named, *kept)):
        if path.endswith(_SNAKEOIL) or machine.status(path) is None:
            continue
        expires_at, names = _read(machine, path)
        found.append(CertificateFound(path=path, expires_at=expires_at, names=names, named_by=named.get(path, ())))
    return tuple(sorted(found, key=lambda each: each.path))


def _read(machine: Machine, path: str) -> tuple[str, tuple[str, ...]]:
    from cryptography import x509  # 40 ms, and only where there is a certificate

    text = machine.text(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of certificates that are odd, which is not ours to mend
            certificate = x509.load_pem_x509_certificate((text or "").encode())
            try:
                alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                names = alternatives.get_values_for_type(x509.DNSName)
            except x509.ExtensionNotFound:
                names = []
    except ValueError:
        machine.miss(path, "it is no certificate in PEM form", "no_certificate")
        return "", ()
    return f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}", tuple(names[:_NAMES])


def files_under_etc(machine: Machine) -> int:
    """How many files are under /etc."""
    return sum(len(names) for _, _, names in os.walk(machine.place("/etc")))
