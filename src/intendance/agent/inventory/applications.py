"""Applications in folders that are served: which one stands there, what databases and folders it uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from intendance.agent.inventory import php
from intendance.agent.inventory.machine import Machine
from intendance.agent.inventory.php import Use
from intendance.agent.inventory.webserver import distinct
from intendance.model.frozen import dataclass

_PLACEHOLDERS = frozenset({"index.html", "index.nginx-debian.html", "index.apache-debian.html", ".htaccess"})
_MOST_CHILDREN = 200
_DEBIAN_WORDPRESS = "/usr/share/wordpress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """`folder` holds all of it, links followed; `elsewhere` are folders of its data outside of it."""

    kind: str
    folder: str
    uses: tuple[Use, ...] = ()
    elsewhere: tuple[str, ...] = ()
    package: str = ""


def in_folder(machine: Machine, folder: str) -> Application | None:
    """What stands in a folder, or None when it is no application that is known."""
    place = machine.resolve(folder)
    for recognise in (_wordpress, _nextcloud, _dolibarr, _drupal, _framework, _plain_php):
        found = recognise(machine, place)
        if found is not None:
            return found
    return None


def below(machine: Machine, folder: str) -> Iterator[Application]:
    """Applications in the folders right under a folder: one site with `/blog` and `/cloud`."""
    for name in machine.names(folder)[:_MOST_CHILDREN]:
        child = f"{folder.rstrip('/')}/{name}"
        if not name.startswith(".") and machine.is_folder(child):
            for place in (child, f"{child}/public", f"{child}/web", f"{child}/htdocs"):
                found = in_folder(machine, place) if machine.is_folder(place) else None
                if found is not None and found.kind != "php":
                    yield found
                    break


def is_placeholder(machine: Machine, folder: str, apart: Collection[str] = ()) -> bool:
    """Whether a folder holds nothing but a web server's first page, and what stands `apart` in it."""
    return set(machine.names(folder)) - set(apart) <= _PLACEHOLDERS


def package_of(machine: Machine, folder: str) -> str:
    """The package of the system that brings a folder under /usr, or an empty text."""
    if not folder.startswith("/usr/") or folder.startswith("/usr/local/"):
        return ""
    likely = [f"/var/lib/dpkg/info/{name}.list" for name in reversed(PurePosixPath(folder).parts[2:])]
    for file in (*likely, *machine.glob("/var/lib/dpkg/info/*.list")):
        listed = machine.text(file)
        if listed is not None and folder in listed.splitlines():
            return file.rpartition("/")[2].removesuffix(".list").partition(":")[0]
    return ""


def linked_out(machine: Machine, folder: str) -> tuple[str, ...]:
    """Folders outside of a tree that links in its two upper levels lead to: a copy of the tree holds the link alone."""
    found = []
    for name in machine.names(folder)[:_MOST_CHILDREN]:
        child = f"{folder}/{name}"
        below = (
            [f"{child}/{each}" for each in machine.names(child)[:_MOST_CHILDREN]] if machine.is_folder(child) else []
        )
        for path in (child, *below):
            target = machine.resolve(path)
            inside = f"{target}/".startswith(f"{folder}/")
            of_system = target.startswith(("/usr/", "/etc/", "/proc/", "/dev/", "/run/"))
            if not inside and not of_system and machine.is_folder(target):
                found.append(target)
    return distinct(found)


def _wordpress(machine: Machine, folder: str) -> Application | None:
    if not machine.is_file(f"{folder}/wp-settings.php") and not machine.is_file(f"{folder}/wp-config.php"):
        return None
    package = package_of(machine, folder)
    if folder == _DEBIAN_WORDPRESS:
        return _wordpress_of_debian(machine, package)
    above = str(PurePosixPath(folder).parent)
    text = machine.text(f"{folder}/wp-config.php")
    if text is None and not machine.is_file(f"{above}/wp-settings.php"):  # as wp-load.php looks for it
        text = machine.text(f"{above}/wp-config.php")
    use = None if text is None else php.wordpress(text)
    if use is None:
        why = "the name of its database does not stand there as plain text"
        machine.miss(f"{folder}/wp-config.php", why, "no_plain_name")
    content = "" if text is None else php.defined(text).get("WP_CONTENT_DIR", "")
    return Application(
        kind="wordpress",
        folder=folder,
        uses=() if use is None else (use,),
        elsewhere=_outside(machine, folder, content),
        package=package,
    )


def _wordpress_of_debian(machine: Machine, package: str) -> Application:
    """Debian's package: one program for all sites, a `config-<host>.php` for each, content under /var/lib."""
    uses: list[Use] = []
    content: list[str] = []
    for file in machine.glob("/etc/wordpress/config-*.php"):
        text = machine.text(file)
        if text is None:
            continue
        use = php.wordpress(text, otherwise="wordpress")
        uses += [] if use is None else [use]
        content.append(php.defined(text).get("WP_CONTENT_DIR", "/var/lib/wordpress/wp-content"))
    elsewhere = [each for path in content for each in _outside(machine, _DEBIAN_WORDPRESS, path)]
    return Application(
        kind="wordpress",
        folder=_DEBIAN_WORDPRESS,
        uses=distinct_uses(uses),
        elsewhere=distinct(elsewhere),
        package=package or "wordpress",
    )


def _nextcloud(machine: Machine, folder: str) -> Application | None:
    if not machine.is_file(f"{folder}/occ") or not machine.is_folder(f"{folder}/core"):
        return None
    text = machine.text(f"{folder}/config/config.php")
    use, data = (None, "") if text is None else php.nextcloud(text)
    return Application(
        kind="nextcloud",
        folder=folder,
        uses=() if use is None else (use,),
        elsewhere=_outside(machine, folder, data),
        package=package_of(machine, folder),
    )


def _dolibarr(machine: Machine, folder: str) -> Application | None:
    if not machine.is_file(f"{folder}/main.inc.php") or not machine.is_file(f"{folder}/filefunc.inc.php"):
        return None
    text = machine.text(f"{folder}/conf/conf.php") or machine.text("/etc/dolibarr/conf.php")
    use, data = (None, "") if text is None else php.dolibarr(text)
    above = str(PurePosixPath(folder).parent)
    whole = above if PurePosixPath(folder).name == "htdocs" and machine.is_folder(f"{above}/scripts") else folder
    return Application(
        kind="dolibarr",
        folder=whole,
        uses=() if use is None else (use,),
        elsewhere=_outside(machine, whole, data),
        package=package_of(machine, folder),
    )


def _drupal(machine: Machine, folder: str) -> Application | None:
    files = machine.glob(f"{folder}/sites/*/settings.php")
    if not files or not (machine.is_file(f"{folder}/core/lib/Drupal.php") or machine.is_folder(f"{folder}/modules")):
        return None
    uses = [use for file in files for use in php.drupal(machine.text(file) or "")]
    resolved = [_in_folder(use, folder) for use in uses]
    return Application(
        kind="drupal",
        folder=_whole(machine, folder, "composer.json"),
        uses=distinct_uses(resolved),
        package=package_of(machine, folder),
    )


def _framework(machine: Machine, folder: str) -> Application | None:
    """Symfony and Laravel serve `public/` of a project; its `.env` files lie above."""
    for place in (str(PurePosixPath(folder).parent), folder):
        texts = [
            machine.text(f"{place}/{name}") or "" for name in (".env", ".env.local", ".env.prod", ".env.prod.local")
        ]
        variables = php.environment(*texts)
        if machine.is_file(f"{place}/artisan"):
            uses = php.laravel(variables, place)
            return Application(kind="laravel", folder=place, uses=distinct_uses(uses))
        symfony = machine.is_file(f"{place}/symfony.lock") or machine.is_file(f"{place}/bin/console")
        if symfony and machine.is_file(f"{place}/composer.json"):
            uses = php.symfony(variables, place)
            return Application(kind="symfony", folder=place, uses=distinct_uses(uses))
    return None


def _plain_php(machine: Machine, folder: str) -> Application | None:
    if not machine.glob(f"{folder}/*.php"):
        return None
    return Application(kind="php", folder=folder, package=package_of(machine, folder))


def _whole(machine: Machine, folder: str, mark: str) -> str:
    """The project's folder when only a part of it is served, else the folder."""
    above = str(PurePosixPath(folder).parent)
    return above if not machine.is_file(f"{folder}/{mark}") and machine.is_file(f"{above}/{mark}") else folder


def _outside(machine: Machine, folder: str, data: str) -> tuple[str, ...]:
    """A folder of data, when it is one and not inside the application."""
    if not data.startswith("/"):
        return ()
    place = machine.resolve(data)
    return () if f"{place}/".startswith(f"{folder}/") or not machine.is_folder(place) else (place,)


def _in_folder(use: Use, folder: str) -> Use:
    """A SQLite file's full path."""
    if use.engine != "sqlite" or use.name.startswith("/"):
        return use
    return Use(engine=use.engine, name=f"{folder}/{use.name}")


def distinct_uses(uses: Iterable[Use]) -> tuple[Use, ...]:
    """Each database once, in order."""
    return tuple(dict.fromkeys(uses))
