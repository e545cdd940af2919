"""The plan that a small Belgian organisation would write: one server, one site, two people and a safe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from demonstration.keys import Key
from demonstration.scene import DATABASE, Scene

HEAD = """\
# How the server of ASBL Horizon is maintained. `intendance plan show` explains it; every option has its sentence in
# `intendance plan schema`, which editors read. Written by the demonstration.
"""


def write(scene: Scene, keys: Sequence[Key], *, with_database: bool) -> bool:
    """Write `intendance.yaml`; whether it differs from what stood there."""
    text = HEAD + yaml.safe_dump(_plan(scene, keys, with_database), sort_keys=False, allow_unicode=True, width=110)
    if scene.plan.exists() and scene.plan.read_text() == text:
        return False
    scene.plan.write_text(text)
    return True


def _plan(scene: Scene, keys: Sequence[Key], with_database: bool) -> dict[str, object]:  # noqa: FBT001 -- private
    holders = {"marie": "admin", "thomas": "lead", "offline": "safe"}
    recipients = [
        {"name": k.holder, "file": str(k.public), "fingerprint": k.fingerprint, "held_by": holders[k.holder]}
        for k in keys
    ]
    database = {"site-db": _database(scene.socket)} if with_database else {}
    return {
        "version": 1,
        "fleet": "asbl-horizon",
        "organisation": {"name": "ASBL Horizon", "timezone": "Europe/Brussels", "language": "fr"},
        "catalogues": ["asbl"],
        "node": {"id": "web-01", "site": "liege"},
        "keys": {"backup_recipients": recipients},
        "stores": {"local": {"kind": "directory", "path": str(scene.store)}},
        "assets": database | {"site-files": _files(scene.website), "bookings": _bookings(scene.bookings)},
        "sites": {"horizon": {"assets": [*database, "site-files", "bookings"]}},
        "contacts": {
            "admin": {"name": "Marie Dubois", "email": "marie@horizon.example"},
            "lead": {"name": "Thomas Lambert", "email": "thomas@horizon.example"},
            "safe": {"name": "Le coffre de l’association"},
        },
    }


def _database(socket: Path) -> dict[str, object]:
    return {
        "kind": "mariadb",
        "databases": [DATABASE],
        "connect": {"socket": str(socket)},
        "backup": {
            "logical": {"schedule": "0 2 * * *"},
            "inspect": {"schedule": "30 5 * * *"},
            "stores": ["local"],
            "retention": {"points": "90d"},
        },
    }


def _bookings(file: Path) -> dict[str, object]:
    return {
        "kind": "sqlite",
        "path": str(file),
        "backup": {
            "full": {"schedule": "15 * * * *"},
            "inspect": {"schedule": "15 6 * * *"},
            "stores": ["local"],
            "retention": {"points": "90d"},
        },
    }


def _files(root: Path) -> dict[str, object]:
    return {
        "kind": "files",
        "path": str(root),
        "exclude": ["cache/*", "logs/*", "*.log"],
        "backup": {
            "full": {"schedule": "0 3 * * SUN"},
            "inspect": {"schedule": "45 5 * * *"},
            "stores": ["local"],
            "retention": {"points": "90d"},
        },
    }
