"""What Apache and nginx serve, as their configuration says it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from intendance.agent.inventory import apache, nginx


def _files(**texts: str) -> Callable[[str], list[str]]:
    return lambda pattern: [text for name, text in texts.items() if name in pattern]


def _apache(text: str, **included: str) -> list[tuple[str, tuple[str, ...]]]:
    found = apache.configuration(text, _files(**included), "/etc/apache2", {"LOGS": "/var/log/apache2"})
    return [(each.path, each.hosts) for each in found.served]


def test_apache_hosts_roots_and_aliases() -> None:
    assert _apache(
        """
        DocumentRoot "/var/www/all"          # outside of any host
        <VirtualHost *:80>
          ServerName https://www.example.org
          ServerAlias example.org \\
                      *.example.org
          documentroot '/srv/with space/www'
          Alias /wp-content /var/lib/wordpress/wp-content/
          Alias /icons/ /usr/share/apache2/icons/
          # DocumentRoot /srv/commented
        </VirtualHost>
        """
    ) == [
        ("/var/www/all", ()),
        ("/srv/with space/www", ("www.example.org", "example.org", "*.example.org")),
        ("/var/lib/wordpress/wp-content", ("www.example.org", "example.org", "*.example.org")),
    ]


def test_apache_follows_inclusions_and_defines() -> None:
    assert _apache(
        "Define BASE /srv/base\nIncludeOptional sites-enabled/*.conf\n",
        sites="<IfModule mod_ssl.c>\n<VirtualHost *:443>\nDocumentRoot ${BASE}/www\n</VirtualHost>\n</IfModule>\n",
    ) == [("/srv/base/www", ())]


def test_apache_tells_what_it_cannot_know() -> None:
    found = apache.configuration(
        "VirtualDocumentRoot /srv/%0\nDocumentRoot ${NOWHERE}/x\n", _files(), "/etc/apache2", {}
    )
    assert found.unclear == ["VirtualDocumentRoot /srv/%0", "${NOWHERE}/x"]
    assert found.served == []


def test_apache_includes_itself_without_end() -> None:
    text = "DocumentRoot /srv/a\nInclude again.conf\n"
    assert set(_apache(text, again=text)) == {("/srv/a", ())}


def test_apache_logs_and_certificates() -> None:
    found = apache.configuration(
        "CustomLog ${LOGS}/a.log combined\nErrorLog syslog:local7\nCustomLog '|/usr/bin/rotatelogs x' common\n"
        "SSLCertificateFile ssl/site.pem\n",
        _files(),
        "/etc/apache2",
        {"LOGS": "/var/log/apache2"},
    )
    assert found.logs == ["/var/log/apache2/a.log"]
    assert found.certificates == ["/etc/apache2/ssl/site.pem"]


def test_envvars_of_debian() -> None:
    text = (
        'unset HOME\nif [ "${APACHE_CONFDIR##/etc/apache2-}" != "x" ] ; then\n\tSUFFIX="-${APACHE_CONFDIR##x}"\nelse\n'
        "\tSUFFIX=\nfi\nexport APACHE_LOG_DIR=/var/log/apache2$SUFFIX\nexport LANG=C\n"
    )
    assert apache.variables(text)["APACHE_LOG_DIR"] == "/var/log/apache2"


def _nginx(text: str, **included: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.path, each.hosts) for each in nginx.configuration(text, _files(**included)).served]


def test_nginx_servers_locations_and_inclusions() -> None:
    assert _nginx(
        "http { root /srv/default; include /etc/nginx/sites-enabled/*; }",
        sites="""server { listen 80; server_name _ www.example.org "example.org";
            # root /srv/commented;
            root "/srv/www dir/";
            location /files { alias /srv/files; }
            location ~ \\.php$ { fastcgi_param X "a;b{c}#d"; }
        }""",
    ) == [
        ("/srv/default", ()),
        ("/srv/www dir", ("www.example.org", "example.org")),
        ("/srv/files", ("www.example.org", "example.org")),
    ]


def test_nginx_tells_what_it_cannot_know() -> None:
    found = nginx.configuration("http { server { root /srv/$host; } }", _files())
    assert (found.served, found.unclear) == ([], ["root /srv/$host"])


def test_nginx_logs_and_certificates() -> None:
    found = nginx.configuration(
        "error_log /var/log/nginx/e.log warn; http { access_log off; server { access_log syslog:server=x;"
        " access_log /srv/logs/a.log main; ssl_certificate site.pem; ssl_certificate data:$x; } }",
        _files(),
    )
    assert found.logs == ["/var/log/nginx/e.log", "/srv/logs/a.log"]
    assert found.certificates == ["/etc/nginx/site.pem"]


@pytest.mark.parametrize(
    "text", ["", "{", "}}}", "server {", 'root "never closed', "include", ";;;", "root;", "a { b { c"]
)
def test_a_broken_file_is_read_as_far_as_it_goes(text: str) -> None:
    assert _nginx(text) == []
    assert _apache(text) in ([], [('"never closed', ())])
