"""What `doctor` says of a MariaDB server: whether it answers, the exact grants that are missing, and the settings
without which no instant between two backups can be restored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from intendance.engines.diagnosing import readable
from intendance.engines.mariadb import privileges, survey
from intendance.engines.mariadb.client import Client
from intendance.model.diagnosis import Condition, Diagnosis, Finding
from intendance.model.errors.engine import SourceMissing
from intendance.model.frozen import dataclass
from intendance.model.plan import MariadbAsset

_SERVER = """
SELECT 'server', VERSION(), CURRENT_USER(), @@datadir;
SELECT 'setting', 'log_bin', IF(@@log_bin, 'ON', 'OFF');
SELECT 'setting', 'binlog_format', @@binlog_format;
SELECT 'setting', 'binlog_row_image', @@binlog_row_image;
SELECT 'setting', 'sync_binlog', @@sync_binlog;
SELECT 'setting', 'innodb_flush_log_at_trx_commit', @@innodb_flush_log_at_trx_commit;
SHOW GRANTS;
"""
# What a binary log must be to lose no committed row: written at all, whole rows, on the disk at each commit
# (MariaDB's manual, "Binary Log Formats", "sync_binlog", "innodb_flush_log_at_trx_commit").
WANTED: Mapping[str, str] = MappingProxyType(
    {
        "log_bin": "ON",
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
        "sync_binlog": "1",
        "innodb_flush_log_at_trx_commit": "1",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    version: str
    account: str
    folder: str
    settings: Mapping[str, str]
    grants: tuple[privileges.Grant, ...]


def diagnose(asset: MariadbAsset) -> Diagnosis:
    """What stands in the way of an asset's backups. Raises the errors of a server that does not answer."""
    client = Client(asset)
    try:
        server = _ask(client)
        statements, missing = _rights(client, asset, server)
        statements += _for_copies(asset, server)
        findings = [readable(asset, server.version)]
        if statements:
            findings = [_lacking(asset, server, statements)]
        elif missing is not None:
            raise missing
        elif not privileges.reads_accounts(server.grants):
            findings.append(_accounts_left_out(asset, server))
        findings.append(_binary_log(asset, server))
        findings += [_remark(asset, "asset_warning", {"detail": warning}) for warning in client.warnings]
    finally:
        client.close()
    local = asset.connect.socket is not None and os.path.isdir(server.folder)  # noqa: PTH112 -- as the server says it
    return Diagnosis(findings=tuple(findings), folders=(server.folder,) if local else ())


def _ask(client: Client) -> _Server:
    rows = client.query(_SERVER)
    _, version, account, folder = next(row for row in rows if row[0] == "server")
    return _Server(
        version=version,
        account=account,
        folder=folder,
        settings={row[1]: row[2].upper() for row in rows if row[0] == "setting"},
        grants=privileges.parse(row[0] for row in rows if len(row) == 1),
    )


def _rights(client: Client, asset: MariadbAsset, server: _Server) -> tuple[tuple[str, ...], SourceMissing | None]:
    """The GRANT statements that are missing, and the error of a database that is not there.

    A database on which an account has no right at all is not shown to it: whether it lacks rights comes first.
    """
    try:
        seen = survey.take(client, asset)
    except SourceMissing as error:
        if asset.databases:
            return privileges.missing(server.grants, server.account, asset.databases, locking=asset.databases), error
        wanted = ", ".join((*privileges.PER_DATABASE, privileges.LOCKING))
        return (f"GRANT {wanted} ON *.* TO {privileges.quoted_account(server.account)};",), error
    names = [database.name for database in seen.databases]
    locking = [database.name for database in seen.databases if database.locked]
    return privileges.missing(server.grants, server.account, names, locking=locking), None


def _for_copies(asset: MariadbAsset, server: _Server) -> tuple[str, ...]:
    """What a physical backup asks for on top, where the plan has one."""
    if asset.backup is None or "physical" not in asset.backup.kinds:
        return ()
    binary_log = server.settings.get("log_bin") == "ON"
    return privileges.missing_for_copy(server.grants, server.account, binary_log=binary_log)


def _lacking(asset: MariadbAsset, server: _Server, statements: tuple[str, ...]) -> Finding:
    return Finding(
        area="assets",
        subject=asset.name,
        condition=Condition.WRONG,
        code="grants_missing",
        params={"account": server.account, "version": server.version},
        mend=statements,
        engine=asset.kind,
    )


def _accounts_left_out(asset: MariadbAsset, server: _Server) -> Finding:
    statement = privileges.accounts_grant(server.account)
    return _remark(asset, "accounts_left_out", {"account": server.account}, mend=(statement,))


def _binary_log(asset: MariadbAsset, server: _Server) -> Finding:
    found = {name: server.settings.get(name, "") for name in WANTED}
    differing = {name: value for name, value in found.items() if value != WANTED[name]}
    params: dict[str, str | int] = {"settings": ", ".join(f"{name}={value}" for name, value in differing.items())}
    if not differing:
        return Finding(
            area="assets",
            subject=asset.name,
            condition=Condition.OK,
            code="binary_log_kept",
            purpose="point_in_time",
            engine=asset.kind,
        )
    lines = [f"{name} = {'binlog' if name == 'log_bin' else WANTED[name]}" for name in differing]
    code = "binary_log_off" if "log_bin" in differing else "binary_log_weak"
    return _remark(asset, code, params, mend=("[mariadb]", *lines), point_in_time=True)


def _remark(
    asset: MariadbAsset,
    code: str,
    params: dict[str, str | int],
    *,
    mend: Sequence[str] = (),
    point_in_time: bool = False,
) -> Finding:
    return Finding(
        area="assets",
        subject=asset.name,
        condition=Condition.REMARK,
        code=code,
        params=params,
        mend=tuple(mend),
        purpose="point_in_time" if point_in_time else "backup",
        engine=asset.kind,
    )
