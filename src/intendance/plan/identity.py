"""What a plan can know of an asset's identity: engine and place, which stay when the asset is renamed."""

from __future__ import annotations

import os

from intendance.model.plan import Asset, FilesAsset, SqliteAsset


def files_identity(path: str) -> str:
    """`files:/var/www/site`: the tree's folder with links followed."""
    return f"files:{os.path.realpath(path)}"


def sqlite_identity(path: str) -> str:
    """`sqlite:/var/lib/site/members.db`: the file with links followed."""
    return f"sqlite:{os.path.realpath(path)}"


def mariadb_identity(*, socket: str | None, host: str | None, port: int | None) -> str:
    """`mariadb:/run/mysqld/mysqld.sock` or `mariadb:db.example.org:3306`."""
    return f"mariadb:{os.path.realpath(socket)}" if socket else f"mariadb:{(host or '').lower()}:{port or 3306}"


def identity(asset: Asset) -> str:
    """The identity of an asset of a plan, as seen from this machine now."""
    if isinstance(asset, FilesAsset):
        return files_identity(asset.path)
    if isinstance(asset, SqliteAsset):
        return sqlite_identity(asset.path)
    return mariadb_identity(socket=asset.connect.socket, host=asset.connect.host, port=asset.connect.port)
