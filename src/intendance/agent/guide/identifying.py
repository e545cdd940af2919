"""What an asset of the plan may have lost, for the questions of the first step."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.service import did_you_mean
from intendance.model.errors.runs import SiteUnknown
from intendance.model.frozen import dataclass
from intendance.model.plan import FilesAsset, MariadbAsset, SqliteAsset
from intendance.plan import adopted


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """An asset's kind (`site` for a site), the databases that the plan names, and where it is."""

    kind: str
    databases: tuple[str, ...] = ()
    place: str = ""


def holdings(state: Path, name: str) -> Holdings:
    """What the adopted plan says of a name. Raises SiteUnknown."""
    plan = adopted.read(state)
    asset = plan.assets.get(name)
    if asset is None and name not in plan.sites:
        known = [*plan.assets, *plan.sites]
        raise SiteUnknown(name=name, suggestion=did_you_mean(name, known), known=", ".join(known))
    if isinstance(asset, MariadbAsset):
        return Holdings(kind="mariadb", databases=asset.databases)
    if isinstance(asset, FilesAsset | SqliteAsset):
        return Holdings(kind=asset.kind, place=asset.path)
    return Holdings(kind="site")
