"""The forms of texts: what each takes, what it refuses, and what it says to write instead."""

from __future__ import annotations

import pytest

from intendance.plan.forms import FORMS

TAKEN: dict[str, tuple[str, ...]] = {
    "host": ("db.example.org", "192.0.2.7", "2001:db8::1", "localhost", "db_1.internal", "a.example.org."),
    "host-key": (f"ssh-ed25519 {'A' * 68}", f"ecdsa-sha2-nistp256 {'A' * 139}="),
    "url": ("https://asbl.example.org/", "http://127.0.0.1:8080/health?x=1", "https://[2001:db8::1]:8443/"),
    "secure-url": ("https://fleet.example.org",),
    "smtp-url": ("smtp://mail.example.org:587", "smtps://mail.example.org"),
    "bucket": ("asbl-backups", "a.b", "0" * 63),
    "table": ("shop.orders", "a-b.c d"),
    "column": ("created_at", "Créé le"),
    "rule": ("MAINT_004", "ASBL_010"),
    "percent": ("80%", "99.9%", "100%", "0.5 %", "99.999%"),
    "currency": ("EUR", "CHF"),
    "interval": ("1s", "60s", "5min", "1h30", "24h", "1d"),
    "wait": ("0min", "0s", "10min", "7d"),
    "latency": ("500ms", "2s", "1min"),
    "recurrence": (
        "FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0",
        "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=3",
        "FREQ=DAILY;INTERVAL=2",
        "FREQ=YEARLY;UNTIL=20300101T000000Z",
    ),
    "instant": ("2027-01-31T00:00:00+01:00", "2027-01-31T00:00:00Z", "2027-01-31 12:30:00.5+00:00"),
    "sql": (
        "SELECT COUNT(*) FROM a.b",
        "with x as (select 1) select * from x;",
        "(SELECT 1)",
        "SELECT ';' , \"a;b\" -- ; not another\n",
        "SELECT 'INTO OUTFILE'",
    ),
}
# form -> text -> (code, a piece of what to write instead)
REFUSED: dict[str, dict[str, tuple[str, str]]] = {
    "host": {"": ("host", "db.example.org"), "a b": ("host", ""), "-x.org": ("host", ""), "http://x": ("host", "")},
    "host-key": {
        "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDTkcGDz5FZhLUdVf4": ("host-key", "ssh-keyscan"),
        f"box.example.org ssh-ed25519 {'A' * 68}": ("host-key", ""),
    },
    "url": {
        "asbl.example.org": ("url", "https://www.example.org/"),
        "ftp://x.org/": ("url", ""),
        "https:///path": ("url-host", ""),
        "https://x.org:99999/": ("url-host", ""),
        "https://me:word@x.org/": ("secret-in-url", "credentials"),
        "https://me@x.org/": ("secret-in-url", "credentials"),
    },
    "secure-url": {"http://fleet.example.org": ("url", "https://")},
    "smtp-url": {"mail.example.org:587": ("url", "smtp://"), "https://x.org": ("url", "smtp://")},
    "bucket": {"ab": ("bucket", ""), "Backups": ("bucket", ""), "a..b": ("bucket", "")},
    "table": {"orders": ("table", "database.orders"), "a.b.c": ("table", ""), ".b": ("table", "")},
    "column": {"": ("column", ""), "t.c": ("column", "")},
    "rule": {"MAINT-4": ("rule", "MAINT_004"), "maint_004": ("rule", "")},
    "percent": {
        "80": ("percent", "80%"),
        "0%": ("percent", ""),
        "101%": ("percent", ""),
        "99,9%": ("percent", ""),
        "-1%": ("percent", ""),
    },
    "currency": {"€": ("currency", "EUR"), "eur": ("currency", "EUR"), "dollars": ("currency", "")},
    "interval": {
        "60": ("length", "60s"),
        "0s": ("length-too-short", "1s"),
        "2d": ("length-too-long", "1d"),
        "5m": ("length-in-months", "5min"),
    },
    "wait": {"10": ("length", "10min"), "8d": ("length-too-long", "7d"), "soon": ("length", "10min")},
    "latency": {"2": ("latency", "2s"), "0.5s": ("latency", ""), "500 ms": ("latency", "500ms"), "0s": ("latency", "")},
    "recurrence": {
        "every saturday": ("recurrence-part", "FREQ=WEEKLY"),
        "FREQ=HOURLY": ("recurrence-frequency", "FREQ=WEEKLY"),
        "FREQ=WEEKLY;BYDAY=XX": ("recurrence", ""),
        "FREQ=DAILY;INTERVAL=0": ("recurrence", ""),
        "FREQ=DAILY;FREQ=DAILY": ("recurrence", ""),
        "FREQ=DAILY;BYHOUR=25": ("recurrence", ""),
        "BYDAY=SA": ("recurrence-frequency", ""),
    },
    "instant": {
        "2027-01-31T00:00:00": ("instant-without-zone", "2027-01-31T00:00:00+01:00"),
        "2027-01-31": ("instant-without-zone", "2027-01-31T00:00:00+01:00"),
        "next year": ("instant", "2027-01-31T00:00:00+01:00"),
    },
    "sql": {
        "DELETE FROM a": ("sql-writes", "SELECT"),
        "SELECT 1; DROP TABLE a": ("sql-several", "its own"),
        "SELECT 1 INTO OUTFILE '/x'": ("sql-writes", "SELECT"),
        "SELECT * FROM a FOR UPDATE": ("sql-writes", "SELECT"),
        "": ("sql-writes", "SELECT"),
    },
}


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, texts in TAKEN.items() for text in texts])
def test_a_good_text_is_taken(form: str, text: str) -> None:
    assert FORMS[form](text) is None


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, texts in REFUSED.items() for text in texts])
def test_a_wrong_text_is_refused_with_what_to_write(form: str, text: str) -> None:
    code, fix = REFUSED[form][text]
    misform = FORMS[form](text)
    assert misform is not None
    assert misform.code == code
    assert fix in str(misform.fix)


@pytest.mark.parametrize(
    ("form", "text", "code"),
    [
        ("url", "https://x.org:{}/", "url-host"),
        ("cron", "0 2 * * {}", "cron-field"),
        ("days", "{}m", "length-in-months"),
        ("interval", "{}", "length"),
    ],
)
def test_a_number_that_nobody_reads_to_its_end_is_refused_as_a_short_one_is(form: str, text: str, code: str) -> None:
    misform = FORMS[form](text.format("9" * 5000))
    assert misform is not None
    assert misform.code == code


@pytest.mark.parametrize("form", [form for form in REFUSED if form not in ("rule", "sql", "host", "url")])
def test_what_is_to_be_written_instead_is_itself_taken(form: str) -> None:
    for text in REFUSED[form]:
        misform = FORMS[form](text)
        assert misform is not None
        for _, value in misform.fix.params:
            assert isinstance(value, str)
            assert FORMS[form](value) is None, (text, value)
