"""Whole machines: what is on them, and what is not taken for something."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from intendance.agent.inventory.take import Inventory, look
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken
from tests.support.machines import PASSWORD, Disk

LOCAL = (
    "mariadb:/run/mysqld/mysqld.sock",
    "mariadb:localhost:3306",
    "mariadb:127.0.0.1:3306",
    "mariadb:::1:3306",
)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path).bare()


def _seen(disk: Disk) -> InventoryTaken:
    return look(disk.root).evidence


def _roots(found: InventoryTaken) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.application, each.path, each.trees) for each in found.web_roots]


def _names(found: InventoryTaken) -> list[tuple[str, int | None, tuple[str, ...]]]:
    return [(each.name, each.tables, each.used_by) for each in found.databases]


def test_a_machine_with_nothing(disk: Disk) -> None:
    found = _seen(disk)
    assert (found.databases, found.web_roots, found.certificates, found.not_seen) == ((), (), (), ())
    assert found.system == "Debian GNU/Linux 12 (bookworm)"
    assert found.packages == 1
    assert found.timers == ("cron:/etc/crontab",)
    assert found.beyond == 0


def test_a_web_server_with_its_first_page_alone_serves_nothing_to_keep(disk: Disk) -> None:
    found = _seen(disk.apache())
    assert found.web_roots == ()
    assert "/var/log/apache2" in found.logs


def test_wordpress_of_debian(disk: Disk) -> None:
    disk.apache().mariadb(blog=12, empty=0).wordpress_of_debian("blog.example.org")
    found = _seen(disk)
    assert found.databases == (
        DatabaseFound(engine="mariadb", identities=LOCAL, name="blog", tables=12, used_by=("/usr/share/wordpress",)),
    )
    assert _roots(found) == [("wordpress", "/usr/share/wordpress", ("/var/lib/wordpress/wp-content",))]
    assert found.web_roots[0].package == "wordpress"
    assert found.web_roots[0].hosts == ("blog.example.org",)


def test_libraries_that_packages_serve_are_no_sites(disk: Disk) -> None:
    disk.apache()
    disk.file("/etc/apache2/conf-enabled/javascript-common.conf", "Alias /javascript /usr/share/javascript/\n")
    disk.file("/usr/share/javascript/jquery/jquery.js", "x")
    disk.file("/var/lib/dpkg/info/javascript-common.list", "/.\n/usr/share/javascript\n")
    assert _seen(disk).web_roots == ()


def test_several_sites_by_hand(disk: Disk) -> None:
    disk.apache().mariadb(shop=3, **{"my@002dclub": 2}, other=1)
    disk.apache_site("shop", "/srv/shop")
    disk.wordpress_by_hand("/srv/shop").wordpress_by_hand("/var/www/html/club", "my-club", "127.0.0.1")
    disk.wordpress_by_hand("/srv/far", "far", "db.example.org:3307")
    disk.apache_site("far", "/srv/far")
    found = _seen(disk)
    assert [root[:2] for root in _roots(found)] == [
        ("wordpress", "/srv/far"), ("wordpress", "/srv/shop"), ("wordpress", "/var/www/html/club"),
    ]  # fmt: skip
    assert _names(found) == [
        ("my-club", 2, ("/var/www/html/club",)),
        ("other", 1, ()),
        ("shop", 3, ("/srv/shop",)),
        ("far", None, ("/srv/far",)),
    ]
    assert [each.remote for each in found.databases] == [False, False, False, True]
    assert found.databases[-1].identities == ("mariadb:db.example.org:3307",)


def test_a_database_that_its_server_does_not_have_is_not_there(disk: Disk) -> None:
    disk.apache().mariadb(shop=1).wordpress_by_hand("/var/www/html", "gone")
    assert _names(_seen(disk)) == [("shop", 1, ())]


def test_no_secret_is_in_the_evidence(disk: Disk) -> None:
    disk.apache().mariadb(shop=1, app=1).wordpress_by_hand("/var/www/html").wordpress_of_debian("a.example.org")
    disk.file("/srv/app/composer.json", "{}")
    disk.file("/srv/app/symfony.lock", "{}")
    disk.file("/srv/app/public/index.php", "<?php")
    disk.file("/srv/app/.env", f"DATABASE_URL=mysql://app:{PASSWORD}@127.0.0.1/app\nMAILER={PASSWORD}\n")
    disk.file("/etc/cron.d/dump", f"* * * * * root mysqldump -p{PASSWORD} shop\n")
    disk.apache_site("app", "/srv/app/public")
    found = look(disk.root)
    assert "shop" in [each.name for each in found.evidence.databases]
    assert PASSWORD not in msgspec.json.encode(found.evidence).decode()
    assert PASSWORD.encode() not in found.packages


def test_projects_are_kept_whole_and_releases_by_their_base(disk: Disk) -> None:
    disk.apache()
    for name in ("composer.json", "symfony.lock", "public/index.php"):
        disk.file(f"/srv/app/releases/7/{name}", "{}")
    disk.link("/srv/app/current", "releases/7")
    disk.apache_site("app", "/srv/app/current/public")
    disk.file("/srv/site/index.php", "<?php")
    disk.file("/data/uploads/a.jpg")
    disk.link("/srv/site/uploads", "/data/uploads")
    disk.link("/srv/site/system", "/usr/share/apache2/icons")
    disk.apache_site("site", "/srv/site")
    assert _roots(_seen(disk)) == [
        ("symfony", "/srv/app/current/public", ("/srv/app",)),
        ("php", "/srv/site", ("/srv/site", "/data/uploads")),
    ]


def test_nginx_nextcloud_and_its_data(disk: Disk) -> None:
    disk.nginx_site("server { server_name cloud.example.org; root /srv/cloud; }")
    disk.file("/srv/cloud/occ")
    disk.file("/srv/cloud/core/x.php")
    disk.folder("/srv/cloud-data")
    disk.file("/srv/cloud/config/config.php", "<?php $CONFIG = ['dbtype' => 'mysql', 'dbname' => 'nc', 'dbhost' => '"
              "localhost', 'datadirectory' => '/srv/cloud-data'];")  # fmt: skip
    found = _seen(disk)
    assert _roots(found) == [("nextcloud", "/srv/cloud", ("/srv/cloud", "/srv/cloud-data"))]
    assert found.databases == (
        DatabaseFound(engine="mariadb", identities=("mariadb:localhost:3306",), name="nc", used_by=("/srv/cloud",)),
    )


def test_postgresql_clusters_by_their_folders(disk: Disk) -> None:
    for name, numbers in (("main", ("1", "4", "5")), ("shop", ("1", "5", "16384"))):
        disk.file(
            f"/etc/postgresql/15/{name}/postgresql.conf",
            f"data_directory = '/var/lib/postgresql/15/{name}'\nport = 543{len(numbers)}  # x\n"
            "unix_socket_directories = '/var/run/postgresql'\n" + ("port = 5440\n" if name == "shop" else ""),
        )
        for number in numbers:
            disk.folder(f"/var/lib/postgresql/15/{name}/base/{number}")
    found = _seen(disk)
    assert [(each.identities[0], each.name) for each in found.databases] == [
        ("postgresql:/var/run/postgresql/.s.PGSQL.5440", "")
    ]


def test_sqlite_files_of_services_and_sites_but_not_of_the_system(disk: Disk) -> None:
    for path in ("/var/lib/grafana/grafana.db", "/srv/site/data.sqlite", "/var/lib/PackageKit/transactions.db"):
        disk.sqlite(path)
    disk.sqlite("/srv/site/.mypy_cache/3.11/cache.0.db")
    disk.file("/srv/site/not.db", "x" * 600)
    found = _seen(disk)
    assert [each.identities for each in found.databases] == [
        ("sqlite:/srv/site/data.sqlite",), ("sqlite:/var/lib/grafana/grafana.db",),
    ]  # fmt: skip


def test_what_gnupg_counts_beside_its_keys_is_no_database_of_anybody(disk: Disk) -> None:
    disk.sqlite("/srv/keys/tofu.db")
    assert [each.identities for each in _seen(disk).databases] == [("sqlite:/srv/keys/tofu.db",)]
    disk.file("/srv/keys/pubring.kbx", "KBXf")
    assert _seen(disk).databases == ()


def test_folders_of_ours_are_not_looked_into(disk: Disk) -> None:
    disk.sqlite("/srv/state/agent/state.db")
    assert look(disk.root, leave_out=["/srv/state"]).evidence.databases == ()


def test_more_than_a_record_holds_is_counted(disk: Disk) -> None:
    disk.mariadb(**{f"database_with_a_rather_long_name_{number:04}": 1 for number in range(400)})
    found = _seen(disk)
    assert len(msgspec.json.encode(found)) < 60 * 1024
    assert len(found.databases) + found.beyond == 400
    assert found.beyond > 0


def test_links_do_not_lead_out_of_the_machine(disk: Disk) -> None:
    disk.apache()
    disk.link("/srv/out", "/../../../../../../etc")
    disk.apache_site("out", "/srv/out")
    found: Inventory = look(disk.root)
    assert [each.path for each in found.evidence.web_roots] == ["/etc"]
