"""A first plan from what was found: what to back up, and what is left out and why. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken, WebRootFound
from intendance.model.frozen import dataclass

Kind = Literal["mariadb", "files", "sqlite"]
EXCLUDED = ("cache/*", "logs/*", "*.log")
"""What ASBL_011 leaves out of a site's files."""
_SLUG_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedAsset:
    """An asset for the plan. `place` is a socket, a folder or a file; `about` says what it is: `databases`, `site`,
    `data` (of an application, outside of its folder), `settings` (/etc), `crontabs`, `sqlite`."""

    name: str
    kind: Kind
    place: str
    about: str
    detail: str = ""
    databases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that was found and is not in the proposal; `code` says why. Of what was `not_seen`, `why` is the
    inventory's code, with its `param`."""

    what: str
    code: str
    detail: str = ""
    why: str = ""
    param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a first plan keeps, in the order of the plan, and what it does not."""

    assets: tuple[ProposedAsset, ...]
    left_out: tuple[LeftOut, ...]


def propose(found: InventoryTaken, *, all_powerful: bool, crontabs: bool) -> Proposal:
    """The proposal for a machine. `all_powerful`: whether who asks may read everything; `crontabs`: whether people
    have some of their own."""
    taken: set[str] = set()
    assets: list[ProposedAsset] = []
    for asset in (*_databases(found), *_sites(found), *_sqlite(found), *_system(all_powerful, crontabs)):
        assets.append(_renamed(asset, taken))
        taken.add(assets[-1].name)
    return Proposal(assets=tuple(assets), left_out=tuple(_left_out(found, all_powerful=all_powerful)))


def slug(text: str) -> str:
    """A name that the plan takes: `Œuvres d'été` becomes `oeuvres-d-ete`; never empty."""
    folded = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "OE"))
    plain = re.sub(r"[^a-z0-9]+", "-", folded.encode("ascii", "ignore").decode().lower()).strip("-")
    return plain[:_SLUG_LENGTH].strip("-") or "x"


def _databases(found: InventoryTaken) -> Iterator[ProposedAsset]:
    """One asset for each MariaDB server of this machine, with its databases by name."""
    servers: dict[str, list[DatabaseFound]] = {}
    for each in found.databases:
        socket = each.identities[0].removeprefix("mariadb:")
        if each.engine == "mariadb" and not each.remote and socket.startswith("/"):
            servers.setdefault(socket, []).append(each)
    for socket, held in servers.items():
        names = tuple(each.name for each in held if each.name)
        alone = len(names) == 1
        users = sorted({user for each in held for user in each.used_by})
        yield ProposedAsset(
            name=f"{slug(names[0])[:37]}-db" if alone else "databases",
            kind="mariadb",
            place=socket,
            about="databases",
            detail=", ".join(users),
            databases=names,
        )


def _sites(found: InventoryTaken) -> Iterator[ProposedAsset]:
    """One asset for each folder to keep, once, however many sites share it."""
    seen: set[str] = set()
    for root in found.web_roots:
        for number, tree in enumerate(root.trees):
            if tree in seen or any(f"{tree}/".startswith(f"{other}/") for other in seen):
                continue
            seen.add(tree)
            inside = number == 0 and not root.package
            yield ProposedAsset(
                name=_site_name(root, tree, inside=inside),
                kind="files",
                place=tree,
                about="site" if inside else "data",
                detail=root.application if inside else root.path,
                exclude=EXCLUDED,
            )


def _site_name(root: WebRootFound, tree: str, *, inside: bool) -> str:
    base = next((host for host in root.hosts if not host.startswith("*")), "") or tree.rpartition("/")[2]
    if base in ("html", "public", "www", "htdocs", "web", "wp-content", "data"):
        base = root.application or "site"
    return f"{slug(base)[:32]}-{'files' if inside else 'data'}"


def _sqlite(found: InventoryTaken) -> Iterator[ProposedAsset]:
    for each in found.databases:
        if each.engine == "sqlite":
            path = each.identities[0].removeprefix("sqlite:")
            stem = path.rpartition("/")[2].partition(".")[0]
            yield ProposedAsset(name=f"{slug(stem)[:33]}-sqlite", kind="sqlite", place=path, about="sqlite")


def _system(all_powerful: bool, crontabs: bool) -> Iterator[ProposedAsset]:  # noqa: FBT001 -- private
    if all_powerful:
        yield ProposedAsset(name="settings", kind="files", place="/etc", about="settings")
    if all_powerful and crontabs:
        yield ProposedAsset(name="crontabs", kind="files", place="/var/spool/cron", about="crontabs")


def _left_out(found: InventoryTaken, *, all_powerful: bool) -> Iterator[LeftOut]:
    for each in found.databases:
        if each.remote:
            yield LeftOut(what=each.name, code="remote", detail=each.identities[0].partition(":")[2])
        elif each.engine == "postgresql":
            yield LeftOut(what=each.name or each.identities[0].partition(":")[2], code="postgresql")
        elif each.engine == "mariadb" and not each.identities[0].removeprefix("mariadb:").startswith("/"):
            yield LeftOut(what=each.name, code="no_server", detail=each.identities[0].partition(":")[2])
    for root in found.web_roots:
        if root.package:
            yield LeftOut(what=root.path, code="package", detail=root.package)
    if not all_powerful:
        yield LeftOut(what="/etc", code="not_root")
    for unseen in found.not_seen:
        yield LeftOut(what=unseen.what, code="not_seen", detail=unseen.why, why=unseen.code, param=unseen.param)
    if found.beyond:
        yield LeftOut(what=str(found.beyond), code="beyond")


def _renamed(asset: ProposedAsset, taken: Iterable[str]) -> ProposedAsset:
    """The asset under a name that none of the others has."""
    names: Sequence[str] = [asset.name, *(f"{asset.name[: _SLUG_LENGTH - 3]}-{number}" for number in range(2, 100))]
    free = next(name for name in names if name not in set(taken))
    return ProposedAsset(
        name=free, kind=asset.kind, place=asset.place, about=asset.about, detail=asset.detail,
        databases=asset.databases, exclude=asset.exclude,
    )  # fmt: skip
