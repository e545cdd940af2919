"""The databases that applications name, and no password."""

from __future__ import annotations

import pytest

from intendance.agent.inventory import php
from intendance.agent.inventory.php import Use
from tests.support.machines import PASSWORD


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("", "", None),
        ("127.0.0.1:3307", "127.0.0.1", 3307),
        ("localhost:/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock", None),
        (":/tmp/mysql.sock", "/tmp/mysql.sock", None),
        ("/run/postgresql", "/run/postgresql", None),
        ("::1", "::1", None),
        ("[::1]:3306", "::1", 3306),
        ("db.example.org", "db.example.org", None),
    ],
)
def test_hosts_as_they_are_written(written: str, host: str, port: int | None) -> None:
    assert php.host_and_port(written) == (host, port)


def test_wordpress() -> None:
    text = """<?php
    // define('DB_NAME', 'commented');  # define('DB_NAME', 'commented too');
    /* define('DB_NAME', 'commented in full'); */
    define( "DB_NAME" , 'l\\'été' ); define('DB_NAME', 'second');
    define('NOTE', 'a // b # c /* d');
    define('DB_HOST', 'localhost:/run/x.sock');
    """
    assert php.wordpress(text) == Use(engine="mariadb", name="l'été", host="/run/x.sock")
    assert php.wordpress("<?php define('DB_NAME', getenv('X'));") is None
    assert php.wordpress("<?php", otherwise="wordpress") == Use(engine="mariadb", name="wordpress")


def test_drupal() -> None:
    text = """<?php
    /** $databases['default']['default'] = ['database' => 'sample']; */
    $databases['default']['default'] = array (
      'database' => 'site', 'username' => 'u', 'password' => 'a)b', 'prefix' => '',
      'host' => 'localhost', 'port' => '3306', 'driver' => 'mysql',
    );
    $databases['old']['default'] = ['database' => 'sites/default/files/.ht.sqlite', 'driver' => 'sqlite'];
    """
    assert php.drupal(text) == (
        Use(engine="mariadb", name="site", host="localhost", port=3306),
        Use(engine="sqlite", name="sites/default/files/.ht.sqlite"),
    )


def test_nextcloud() -> None:
    text = f"""<?php
    $CONFIG = array (
      'dbtype' => 'pgsql', 'dbname' => 'cloud', 'dbhost' => '/run/postgresql', 'dbpassword' => '{PASSWORD}',
      'datadirectory' => '/srv/cloud-data',
    );"""
    assert php.nextcloud(text) == (Use(engine="postgresql", name="cloud", host="/run/postgresql"), "/srv/cloud-data")
    own = "$CONFIG = ['dbtype' => 'sqlite3', 'datadirectory' => '/srv/d'];"
    assert php.nextcloud(own) == (Use(engine="sqlite", name="/srv/d/owncloud.db"), "/srv/d")


def test_dolibarr() -> None:
    text = f"""<?php
    $dolibarr_main_db_host='localhost'; $dolibarr_main_db_port='0';
    $dolibarr_main_db_name='dolibarr'; $dolibarr_main_db_pass='{PASSWORD}'; $dolibarr_main_db_type='mysqli';
    $dolibarr_main_data_root='/var/lib/dolibarr/documents';"""
    use, folder = php.dolibarr(text)
    assert use == Use(engine="mariadb", name="dolibarr", host="localhost")
    assert folder == "/var/lib/dolibarr/documents"


def test_symfony_takes_the_later_file_and_drops_the_password() -> None:
    variables = php.environment(
        'APP_ENV=prod\nDATABASE_URL="mysql://first:x@127.0.0.1/first"\n',
        f"DATABASE_URL='mysql://app:{PASSWORD}@127.0.0.1:3306/shop?serverVersion=10.11'\n"
        "LEGACY_DATABASE_URL=sqlite:///%kernel.project_dir%/var/data.db # kept\n#X_DATABASE_URL=mysql://h/n\n",
    )
    assert php.symfony(variables, "/srv/app") == (
        Use(engine="mariadb", name="shop", host="127.0.0.1", port=3306),
        Use(engine="sqlite", name="/srv/app/var/data.db"),
    )


@pytest.mark.parametrize(
    ("url", "use"),
    [
        ("pgsql://u:p%40ss@db.example.org/app", Use(engine="postgresql", name="app", host="db.example.org")),
        ("mysql://localhost/app?unix_socket=/run/my.sock", Use(engine="mariadb", name="app", host="/run/my.sock")),
        ("mysql://[::1]:3307/app", Use(engine="mariadb", name="app", host="::1", port=3307)),
        ("sqlite:////srv/x.db", Use(engine="sqlite", name="/srv/x.db")),
        ("redis://localhost", None),
        ("nonsense", None),
    ],
)
def test_addresses_of_databases(url: str, use: Use | None) -> None:
    assert php.from_url(url, "/srv/app") == use


def test_laravel() -> None:
    variables = php.environment("DB_CONNECTION=mysql\nDB_HOST=127.0.0.1\nDB_PORT=3306\nDB_DATABASE=shop\n")
    assert php.laravel(variables, "/srv/app") == (Use(engine="mariadb", name="shop", host="127.0.0.1", port=3306),)
    own = php.environment("DB_CONNECTION=sqlite\n")
    assert php.laravel(own, "/srv/app") == (Use(engine="sqlite", name="/srv/app/database/database.sqlite"),)
