"""A planted secret is in nothing that is said, however a program spells it, quotes it or breaks it across lines."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.system.redaction import SHORTEST, Secrets, redact

CORE = "xQ7Zk9"
"""What every planted secret holds; it stands nowhere else."""
odd = st.text(alphabet="ab 'é\"\\$&;@:/%#=+,){}[]\t!*", max_size=8)
secrets = st.builds(lambda before, after: before + CORE + after, odd, odd)
plain = st.builds(
    lambda before, after: before + CORE + after,
    st.text(alphabet="ab$&;:/%#=+,)}]!*é", max_size=6),
    st.text(alphabet="ab$&;:/%#=+,)}]!*é", max_size=6),
)
around = st.text(alphabet="abc 123\n.:-", max_size=30)

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted for a shell": shlex.quote,
    "in double quotes": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON": json.dumps,
    "SQL": lambda secret: "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "SQL, doubled": lambda secret: secret.replace("'", "''"),
    "repr": repr,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded, lower case": lambda secret: "".join(
        each if each.isascii() and each.isalnum() else quote(each, safe="").lower() for each in secret
    ),
    "a form": quote_plus,
    "hexadecimal": lambda secret: secret.encode().hex(),
}


def holds(text: str) -> bool:
    """Whether the planted secret's core can be read in a text, in whatever spelling it has there."""
    flat = text.replace("\\\n", "").replace("\n", "").replace("\r", "").replace("\t", "")
    return CORE in flat or CORE.encode().hex() in flat.lower()


@given(secrets, st.sampled_from(sorted(SPELLINGS)), around, around)
def test_a_known_secret_is_hidden_in_every_spelling(secret: str, spelling: str, before: str, after: str) -> None:
    said = f"{before}{SPELLINGS[spelling](secret)}{after}"
    assert not holds(Secrets([secret]).hide(said)), said


@given(secrets, st.integers(1, 12), st.sampled_from(["\n", "\r\n", "\\\n", "\n    "]))
def test_a_known_secret_is_hidden_when_it_is_broken_across_lines(secret: str, width: int, ends: str) -> None:
    broken = ends.join(secret[at : at + width] for at in range(0, len(secret), width))
    hidden = Secrets([secret]).hide(f"error near {broken} in line 3")
    assert not holds(hidden.replace(" ", "")), hidden


@given(st.binary(max_size=9), secrets, st.binary(max_size=9), st.booleans(), st.integers(0, 1))
def test_a_known_secret_is_hidden_in_base64(before: bytes, secret: str, after: bytes, urlsafe: bool, wrap: int) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    text = encode(before + secret.encode() + after).decode()
    said = "\n".join(text[at : at + 64] for at in range(0, len(text), 64)) if wrap else text
    hidden = Secrets([secret]).hide(f"header {said}").removeprefix("header ").replace("\n", "")
    for start in range(len(hidden)):
        for padding in ("", "=", "=="):
            try:
                decoded = base64.urlsafe_b64decode(hidden[start:].replace("+", "-").replace("/", "_") + padding)
            except ValueError:
                continue
            assert CORE.encode() not in decoded


SHAPES: dict[str, Callable[[str], str]] = {
    "a setting": lambda secret: f"password={secret}",
    "a setting with blanks": lambda secret: f"passwd = {secret} for user",
    "an environment variable": lambda secret: f"MYSQL_PWD={secret} mariadb",
    "a prefixed variable": lambda secret: f"SHOP_DB_PASSWORD={secret}",
    "YAML": lambda secret: f"token: {secret}",
    "an option": lambda secret: f"--password={secret} --host=db",
    "an option apart": lambda secret: f"gpg --passphrase {secret} --batch",
    "a short option": lambda secret: f"mariadb -u root -p{secret} shop",
    "a connection string": lambda secret: f"mysql://shop:{quote(secret, safe='')}@db.example.org/shop",
    "a header": lambda secret: f"Authorization: Bearer {base64.b64encode(secret.encode()).decode()}",
}


@given(plain, st.sampled_from(sorted(SHAPES)), around, around)
def test_an_unknown_secret_is_hidden_where_its_name_stands(secret: str, shape: str, before: str, after: str) -> None:
    said = f"{before}\n{SHAPES[shape](secret)}\n{after}"
    hidden = redact(said)
    assert CORE not in hidden, hidden
    assert base64.b64encode(secret.encode()).decode() not in hidden


@given(secrets, st.sampled_from(["password=", "secret: ", '"token": ', "--passphrase "]))
def test_an_unknown_secret_is_hidden_in_quotes(secret: str, name: str) -> None:
    for quoted in (shlex.quote(secret) if "'" in shlex.quote(secret) else f"'{secret}'", json.dumps(secret)):
        hidden = redact(f"before {name}{quoted}, after")
        assert CORE not in hidden, hidden
        assert hidden.startswith("before ")


@given(secrets.map(lambda secret: secret.replace('"', "").replace("\\", "")))
def test_an_unknown_secret_whose_end_was_cut_off_is_hidden(secret: str) -> None:
    assert CORE not in redact(f'password="{secret}'.replace(CORE, f"{CORE} {CORE}"))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("IDENTIFIED BY 'xQ7Zk9 x'", "IDENTIFIED BY [redacted]"),
        ("identified via mysql_native_password using PASSWORD('xQ7Zk9')", "using PASSWORD([redacted])"),
        ("identified with ed25519 as 'xQ7Zk9'", "as [redacted]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nxQ7Zk9\n", "[redacted]"),
        ("https://user:a@xQ7Zk9@host/x", "https://user:[redacted]@host/x"),
    ],
)
def test_special_forms(said: str, shown: str) -> None:
    hidden = redact(said)
    assert CORE not in hidden
    assert shown in hidden


@pytest.mark.parametrize(
    "said",
    [
        "Access denied for user 'shop'@'localhost' (using password: YES)",
        "Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)",
        "gpg: encrypted with rsa4096 key, ID 0123456789ABCDEF",
        "3 files vanished while they were read",
        "mkdir -p /srv/restored",
        "https://example.org/path?x=1",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    hidden = redact(said)
    assert hidden == said


def test_secrets_do_not_show_themselves_and_short_ones_are_not_looked_for() -> None:
    assert repr(Secrets([CORE])) == "Secrets()"
    assert CORE not in str(vars(Secrets()))
    assert Secrets(["a" * (SHORTEST - 1), ""]).hide("aaa bbb") == "aaa bbb"
