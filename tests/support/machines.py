"""Folders that look like machines: configuration as the packages of Debian 12 lay it out, and sites as people make
them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "tr0ub4dor-and-3"
"""Stands in every configuration that has a password: it must be nowhere else."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The files of a machine under a folder."""

    root: Path

    def file(self, path: str, text: str = "") -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def folder(self, path: str) -> None:
        (self.root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def link(self, path: str, target: str) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def bare(self) -> Disk:
        """A Debian with nothing on it."""
        self.file("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')
        self.file("/etc/crontab", "17 * * * * root run-parts /etc/cron.hourly\n")
        self.file(
            "/var/lib/dpkg/status",
            "Package: base-files\nStatus: install ok installed\nVersion: 12.4\n\n"
            "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        )
        return self

    def apache(self) -> Disk:
        """What apache2 of Debian sets up, with its first page."""
        self.file(
            "/etc/apache2/apache2.conf",
            "# the main file\nErrorLog ${APACHE_LOG_DIR}/error.log\nIncludeOptional mods-enabled/*.conf\n"
            "IncludeOptional conf-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\n",
        )
        self.file(
            "/etc/apache2/envvars",
            "unset HOME\nif true; then\n\tSUFFIX=\nfi\nexport APACHE_LOG_DIR=/var/log/apache2$SUFFIX\n",
        )
        self.file("/etc/apache2/mods-enabled/alias.conf", 'Alias /icons/ "/usr/share/apache2/icons/"\n')
        self.folder("/usr/share/apache2/icons")
        self.folder("/var/log/apache2")
        self.apache_site("000-default", "/var/www/html")
        self.file("/var/www/html/index.html", "<h1>It works!</h1>")
        return self

    def apache_site(self, name: str, root: str, more: str = "") -> None:
        self.file(
            f"/etc/apache2/sites-available/{name}.conf",
            f"<VirtualHost *:80>\n\tServerAdmin webmaster@localhost\n\tDocumentRoot {root}\n{more}\n"
            "\tCustomLog ${APACHE_LOG_DIR}/access.log combined\n</VirtualHost>\n",
        )
        self.link(f"/etc/apache2/sites-enabled/{name}.conf", f"../sites-available/{name}.conf")

    def nginx_site(self, server: str) -> None:
        self.file(
            "/etc/nginx/nginx.conf",
            "user www-data;\nhttp {\n\taccess_log /var/log/nginx/access.log; # all\n"
            "\tinclude /etc/nginx/conf.d/*.conf;\n\tinclude sites-enabled/*;\n}\n",
        )
        self.file("/etc/nginx/sites-enabled/site", server)

    def mariadb(self, **databases: int) -> Disk:
        """A server's folders: its own databases, and others with so many tables."""
        self.file("/etc/mysql/my.cnf", "[client-server]\nsocket = /run/mysqld/mysqld.sock\n")
        self.file("/etc/mysql/mariadb.conf.d/50-server.cnf", "[mysqld]\npid-file = /run/mysqld/mysqld.pid\n")
        self.file("/var/lib/mysql/ibdata1")
        for name in ("mysql", "performance_schema", "sys"):
            self.file(f"/var/lib/mysql/{name}/db.opt")
        for name, tables in databases.items():
            self.file(f"/var/lib/mysql/{name}/db.opt")
            for number in range(tables):
                self.file(f"/var/lib/mysql/{name}/t{number}.frm")
                self.file(f"/var/lib/mysql/{name}/t{number}.ibd")
        return self

    def wordpress_of_debian(self, *hosts: str) -> Disk:
        """The wordpress package: program under /usr/share, content under /var/lib, a configuration for each host."""
        for name in ("index.php", "wp-settings.php", "wp-load.php", "wp-content/index.php"):
            self.file(f"/usr/share/wordpress/{name}", "<?php\n")
        self.file("/usr/share/wordpress/wp-config.php", "<?php\nrequire_once($debian_file);\n")
        self.file("/var/lib/wordpress/wp-content/uploads/photo.jpg", "x")
        self.file("/var/lib/dpkg/info/wordpress.list", "/.\n/usr\n/usr/share\n/usr/share/wordpress\n")
        for host in hosts:
            self.file(
                f"/etc/wordpress/config-{host}.php",
                "<?php\n# Created by setup-mysql\n"
                f"define('DB_NAME', '{host.partition('.')[0]}');\ndefine('DB_USER', 'wp');\n"
                f"define('DB_PASSWORD', '{PASSWORD}');\ndefine('DB_HOST', 'localhost');\n"
                "define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');\n",
            )
        self.apache_site(
            "wp",
            "/usr/share/wordpress",
            "\tServerName blog.example.org\n\tAlias /wp-content /var/lib/wordpress/wp-content",
        )
        return self

    def wordpress_by_hand(self, folder: str, database: str = "shop", host: str = "localhost") -> Disk:
        """WordPress as people unpack it."""
        for name in ("index.php", "wp-settings.php", "wp-load.php", "wp-content/uploads/a.jpg"):
            self.file(f"{folder}/{name}", "<?php\n")
        self.file(
            f"{folder}/wp-config.php",
            "<?php\n/** define( 'DB_NAME', 'database_name_here' ); */\n// define('DB_NAME', 'old');\n"
            f"define( \"DB_NAME\", \"{database}\" );\ndefine( 'DB_PASSWORD', '{PASSWORD}' );\n"
            f"define( 'DB_HOST', '{host}' );\n",
        )
        return self

    def sqlite(self, path: str) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(place) as connection:
            connection.execute("CREATE TABLE t (a)")
        connection.close()
