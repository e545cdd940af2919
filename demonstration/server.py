"""The organisation's database server: a private MariaDB that is filled once and kept."""

from __future__ import annotations

import os
import shutil

from demonstration import data
from demonstration.scene import DATABASE, Scene, Voice
from intendance.engines.private_mariadb import PrivateServer, ServerSizes

_PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")


def missing_programs() -> list[str]:
    """The programs of MariaDB that this machine does not have."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return [program for program in _PROGRAMS if shutil.which(program, path=path) is None]


class DatabaseServer:
    """MariaDB on a private socket, with the organisation's data."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._filled = scene.base / "mariadb.filled"
        self.server = PrivateServer(
            scene.database, socket=scene.socket, sizes=ServerSizes(buffer_pool_mib=128, redo_log_mib=96, durable=True)
        )

    def open(self, voice: Voice) -> None:
        """Start it, filled; data that an interrupted start left half-made is made again."""
        with voice.timed("A MariaDB server of its own, without network") as step:
            if not self._filled.exists():
                shutil.rmtree(self._scene.database, ignore_errors=True)
                self.server.create()
            self.server.start()
            step.more = self.server.execute("SELECT VERSION()").strip()
        if not self._filled.exists():
            with voice.timed("Its data: members, donations, events, an audit log") as step:
                data.load_database(self.server, DATABASE, size=self._scene.size)
                size = "SELECT ROUND(SUM(data_length + index_length) / 1e6) FROM information_schema.tables"
                megabytes = self.server.execute(f"{size} WHERE table_schema = '{DATABASE}'").strip()
                step.more = f"{megabytes} MB in the database {DATABASE}"
            self._filled.touch()

    def drop_copies(self) -> None:
        """Drop what was restored beside the original."""
        pattern = DATABASE.replace("_", "\\_") + "\\_%"
        names = f"SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{pattern}'"
        for name in self.server.execute(names).split():
            self.server.execute(f"DROP DATABASE `{name}`")

    def stop(self) -> None:
        self.server.stop()
