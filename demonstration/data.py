"""The demonstration's data: the database and the site of a non-profit that does not exist, the same at every run.

`load_database` fills about 200 MB at size 1.0, `make_site` a few thousand files. Names are drawn from lists of common
ones, addresses of mail end in example.org, numbers of telephone come from ranges set aside for fiction where a country
has one: no row is a person.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

from demonstration import words
from intendance.system import process

SEED = 20261121
UNTIL = datetime(2026, 11, 20, 18, 0, 0)  # noqa: DTZ001 -- DATETIME columns hold local time, as PHP sites write it
STATEMENT_BYTES = 900_000

ROWS = {"members": 40_000, "memberships": 110_000, "donations": 130_000, "events": 1_800, "registrations": 80_000,
        "documents": 900, "audit_logs": 260_000}  # fmt: skip

SCHEMA = """
CREATE TABLE members (
  id INT UNSIGNED NOT NULL PRIMARY KEY, number CHAR(8) NOT NULL, first_name VARCHAR(60) NOT NULL,
  last_name VARCHAR(60) NOT NULL, email VARCHAR(120) NOT NULL, phone VARCHAR(24), street VARCHAR(120) NOT NULL,
  postcode VARCHAR(8) NOT NULL, town VARCHAR(60) NOT NULL, country CHAR(2) NOT NULL, birth_date DATE,
  newsletter BOOLEAN NOT NULL DEFAULT TRUE, notes TEXT, created_at DATETIME NOT NULL,
  full_name VARCHAR(121) GENERATED ALWAYS AS (CONCAT(first_name, ' ', last_name)) STORED
) ENGINE=InnoDB COMMENT='Membres de l''association';
CREATE TABLE memberships (
  id INT UNSIGNED NOT NULL PRIMARY KEY, member_id INT UNSIGNED NOT NULL, year SMALLINT NOT NULL,
  category ENUM('ordinaire','étudiant','famille','bienfaiteur','honneur') NOT NULL, amount DECIMAL(8,2) NOT NULL,
  paid_on DATE, CONSTRAINT membership_member FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE=InnoDB COMMENT='Cotisations';
CREATE TABLE donations (
  id INT UNSIGNED NOT NULL PRIMARY KEY, member_id INT UNSIGNED, amount DECIMAL(10,2) NOT NULL,
  currency CHAR(3) NOT NULL DEFAULT 'EUR', method ENUM('virement','carte','espèces','prélèvement') NOT NULL,
  campaign VARCHAR(60) NOT NULL, receipt CHAR(14), message VARCHAR(255), received_at DATETIME NOT NULL,
  CONSTRAINT donation_member FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE=InnoDB COMMENT='Dons';
CREATE TABLE events (
  id INT UNSIGNED NOT NULL PRIMARY KEY, title VARCHAR(160) NOT NULL, place VARCHAR(120) NOT NULL, seats SMALLINT,
  price DECIMAL(6,2) NOT NULL, description TEXT NOT NULL, starts_at DATETIME NOT NULL, ends_at DATETIME NOT NULL
) ENGINE=InnoDB COMMENT='Activités';
CREATE TABLE registrations (
  id INT UNSIGNED NOT NULL PRIMARY KEY, event_id INT UNSIGNED NOT NULL, member_id INT UNSIGNED NOT NULL,
  guests TINYINT NOT NULL DEFAULT 0, status ENUM('confirmée','en attente','annulée','présente') NOT NULL,
  remark VARCHAR(200), registered_at DATETIME NOT NULL,
  CONSTRAINT registration_event FOREIGN KEY (event_id) REFERENCES events (id),
  CONSTRAINT registration_member FOREIGN KEY (member_id) REFERENCES members (id)
) ENGINE=InnoDB COMMENT='Inscriptions';
CREATE TABLE documents (
  id INT UNSIGNED NOT NULL PRIMARY KEY, title VARCHAR(160) NOT NULL, media VARCHAR(40) NOT NULL,
  content MEDIUMBLOB NOT NULL, added_at DATETIME NOT NULL
) ENGINE=InnoDB COMMENT='Statuts, procès-verbaux, reçus';
CREATE TABLE audit_logs (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY, member_id INT UNSIGNED, actor VARCHAR(60) NOT NULL,
  action VARCHAR(40) NOT NULL, entity VARCHAR(30) NOT NULL, entity_id INT UNSIGNED, ip VARBINARY(16) NOT NULL,
  user_agent VARCHAR(160) NOT NULL, details LONGTEXT NOT NULL CHECK (JSON_VALID(details)),
  created_at DATETIME(3) NOT NULL
) ENGINE=InnoDB COMMENT='Journal';
"""

INDEXES = """
ALTER TABLE members ADD UNIQUE KEY (number), ADD KEY (last_name, first_name), ADD KEY (email), ADD KEY (postcode);
ALTER TABLE memberships ADD UNIQUE KEY (member_id, year), ADD KEY (paid_on);
ALTER TABLE donations ADD KEY (member_id), ADD KEY (received_at), ADD KEY (campaign);
ALTER TABLE events ADD KEY (starts_at), ADD FULLTEXT KEY (title, description);
ALTER TABLE registrations ADD KEY (event_id), ADD KEY (member_id);
ALTER TABLE audit_logs ADD KEY (created_at), ADD KEY (member_id), ADD KEY (entity, entity_id);
"""

OBJECTS = """
CREATE VIEW donations_per_year AS
  SELECT YEAR(received_at) AS year, campaign, COUNT(*) AS gifts, SUM(amount) AS total FROM donations GROUP BY 1, 2;
CREATE VIEW active_members AS
  SELECT m.id, m.full_name, m.town, MAX(s.year) AS last_year FROM members m JOIN memberships s ON s.member_id = m.id
  WHERE s.paid_on IS NOT NULL GROUP BY m.id, m.full_name, m.town;
DELIMITER $$
CREATE TRIGGER donation_recorded AFTER INSERT ON donations FOR EACH ROW
BEGIN
  INSERT INTO audit_logs (id, member_id, actor, action, entity, entity_id, ip, user_agent, details, created_at)
  SELECT COALESCE(MAX(id), 0) + 1, NEW.member_id, 'système', 'créer', 'don', NEW.id, x'7f000001', 'interne',
    JSON_OBJECT('montant', NEW.amount), NOW(3) FROM audit_logs;
END$$
CREATE PROCEDURE purge_audit_logs(IN days INT)
BEGIN
  DELETE FROM audit_logs WHERE created_at < NOW() - INTERVAL days DAY;
END$$
CREATE FUNCTION euros(amount DECIMAL(10,2)) RETURNS VARCHAR(20) CHARSET utf8mb4 DETERMINISTIC
RETURN CONCAT(FORMAT(amount, 2, 'fr_FR'), ' €')$$
CREATE EVENT yearly_purge ON SCHEDULE EVERY 1 DAY DO CALL purge_audit_logs(400)$$
DELIMITER ;
ANALYZE TABLE members, memberships, donations, events, registrations, documents, audit_logs;
"""


class Server(Protocol):
    """What this needs of a server: the arguments that start its client."""

    def client_argv(self, program: str = "mariadb") -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was written: rows of each table."""

    rows: dict[str, int]


def load_database(server: Server, name: str, *, size: float = 1.0, until: datetime = UNTIL) -> Loaded:
    """Create the database `name` and fill it; `size` scales the rows, `until` is the newest moment in the data.

    Raises ProgramFailed, also when the database exists.
    """
    rows = {table: max(3, int(count * size)) for table, count in ROWS.items()}
    argv = [*server.client_argv(), "--default-character-set=utf8mb4", "--max-allowed-packet=64M"]
    process.run(argv, input=f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;".encode())
    argv.append(f"--database={name}")
    process.run(argv, input=SCHEMA.encode())
    _feed(argv, _statements(rows, until))
    process.run(argv, input=INDEXES.encode(), deadline_seconds=300)
    process.run(argv, input=OBJECTS.encode(), deadline_seconds=300)
    return Loaded(rows=rows)


def _feed(argv: Sequence[str], statements: Iterator[bytes]) -> None:
    child = process.start(argv, stdin=subprocess.PIPE)
    try:
        try:
            for statement in statements:
                child.stdin.write(statement)
            child.stdin.close()
        except BrokenPipeError:
            pass  # the client's own words say why
        child.raise_for(child.wait(600))
    finally:
        child.kill()


def _statements(rows: dict[str, int], until: datetime) -> Iterator[bytes]:
    yield b"SET unique_checks=0, foreign_key_checks=0, autocommit=0, sql_mode='STRICT_TRANS_TABLES';\n"
    for table, columns, values in (
        ("members", words.MEMBER_COLUMNS, members(rows["members"], until)),
        ("memberships", "id,member_id,year,category,amount,paid_on", memberships(rows, until)),
        ("donations", "id,member_id,amount,method,campaign,receipt,message,received_at", donations(rows, until)),
        ("events", "id,title,place,seats,price,description,starts_at,ends_at", events(rows["events"], until)),
        ("registrations", "id,event_id,member_id,guests,status,remark,registered_at", registrations(rows, until)),
        ("documents", "id,title,media,content,added_at", documents(rows["documents"], until)),
        ("audit_logs", words.AUDIT_COLUMNS, audit_logs(rows, until)),
    ):
        yield from _inserts(table, columns, values)
        yield b"COMMIT;\n"


def _inserts(table: str, columns: str, values: Iterator[str]) -> Iterator[bytes]:
    head = f"INSERT INTO {table} ({columns}) VALUES\n"
    for batch in _batches(values):
        yield (head + ",\n".join(batch) + ";\n").encode()


def _batches(values: Iterator[str]) -> Iterator[list[str]]:
    first = next(values, None)
    if first is None:
        return
    batch = [first]
    count = max(1, STATEMENT_BYTES // (len(first) + 40))
    while batch:
        batch += islice(values, count - len(batch))
        yield batch
        batch = list(islice(values, count))


def _moments(rng: random.Random, count: int, until: datetime, days: int) -> list[str]:
    """`count` moments of the last `days` days in rising order, most of them in the hours when people are awake."""
    midnight = until.replace(hour=0, minute=0, second=0) - timedelta(days=days)
    newest = int((until - midnight).total_seconds())
    day_starts = rng.choices(range(0, (days + 1) * 86_400, 86_400), k=count)
    seconds = rng.choices(range(86_400), cum_weights=words.WAKING, k=count)
    drawn = (day + second for day, second in zip(day_starts, seconds, strict=True))
    offsets = sorted(offset - 86_400 if offset > newest else offset for offset in drawn)
    dates = [f"{midnight + timedelta(days=day):%Y-%m-%d}" for day in range(days + 1)]
    return [f"{dates[offset // 86_400]} {words.TIMES[offset % 86_400]}" for offset in offsets]


def members(count: int, until: datetime) -> Iterator[str]:
    """Rows of `members`, as SQL."""
    rng = random.Random(f"{SEED} members")
    created = _moments(rng, count, until, 4000)
    for number, moment in enumerate(created, start=1):
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        postcode, town, country = rng.choice(words.TOWNS)
        phone = rng.choice(words.PHONES[country]).format(rng.randrange(10_000))
        street = f"{rng.choice(words.STREETS)} {rng.randrange(1, 240)}{rng.choice(('', '', '', ' bte 3', 'A', 'bis'))}"
        email = f"{words.ascii_name(first)}.{words.ascii_name(last)}{number}@example.org"
        birth = f"'{rng.randrange(1936, 2008)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}'"
        note = rng.choice(words.NOTES)
        yield (
            f"({number},'M{number:07}',{_q(first)},{_q(last)},'{email}','{phone}',{_q(street)},'{postcode}',{_q(town)},"
            f"'{country}',{birth if rng.random() < 0.8 else 'NULL'},{rng.randrange(2)},{_q(note)},'{moment}')"
        )


def memberships(rows: dict[str, int], until: datetime) -> Iterator[str]:
    """Rows of `memberships`: one for a member and a year, so that the pair is unique."""
    rng = random.Random(f"{SEED} memberships")
    count, people = rows["memberships"], rows["members"]
    for number in range(1, count + 1):
        member, year = (number - 1) % people + 1, until.year - (number - 1) // people
        category, amount = rng.choice(words.CATEGORIES)
        paid = f"'{year}-{rng.randrange(1, 11):02}-{rng.randrange(1, 29):02}'" if rng.random() < 0.93 else "NULL"
        yield f"({number},{member},{year},'{category}',{amount},{paid})"


def donations(rows: dict[str, int], until: datetime) -> Iterator[str]:
    """Rows of `donations`: few are large."""
    rng = random.Random(f"{SEED} donations")
    count, people = rows["donations"], rows["members"]
    for number, moment in enumerate(_moments(rng, count, until, 3200), start=1):
        member = rng.randrange(1, people + 1) if rng.random() < 0.85 else "NULL"
        amount = rng.choice((5, 10, 10, 20, 20, 25, 40, 50, 100)) if rng.random() < 0.9 else rng.paretovariate(1.2) * 80
        receipt = f"'{moment[:4]}-{number:09}'" if float(amount) >= 40 else "NULL"
        message = _q(rng.choice(words.MESSAGES)) if rng.random() < 0.4 else "NULL"
        yield (
            f"({number},{member},{min(amount, 250_000):.2f},'{rng.choice(words.METHODS)}',"
            f"{_q(rng.choice(words.CAMPAIGNS))},{receipt},{message},'{moment}')"
        )


def events(count: int, until: datetime) -> Iterator[str]:
    """Rows of `events`, with a description of some paragraphs."""
    rng = random.Random(f"{SEED} events")
    for number, moment in enumerate(_moments(rng, count, until + timedelta(days=90), 3200), start=1):
        title = f"{rng.choice(words.EVENT_KINDS)} — {rng.choice(words.EVENT_SUBJECTS)}"
        _, town, _ = rng.choice(words.TOWNS)
        description = "\n\n".join(rng.choices(words.PARAGRAPHS, k=rng.randrange(2, 7)))
        day = moment[:11]
        yield (
            f"({number},{_q(title)},{_q(rng.choice(words.PLACES) + ', ' + town)},{rng.choice((20, 40, 60, 120, 300))},"
            f"{rng.choice((0, 0, 5, 8, 12, 25))},{_q(description)},'{day}14:00:00','{day}17:30:00')"
        )


def registrations(rows: dict[str, int], until: datetime) -> Iterator[str]:
    """Rows of `registrations`."""
    rng = random.Random(f"{SEED} registrations")
    count = rows["registrations"]
    for number, moment in enumerate(_moments(rng, count, until, 3000), start=1):
        remark = _q(rng.choice(words.REMARKS)) if rng.random() < 0.2 else "NULL"
        yield (
            f"({number},{rng.randrange(1, rows['events'] + 1)},{rng.randrange(1, rows['members'] + 1)},"
            f"{rng.choice((0, 0, 0, 1, 1, 2))},'{rng.choice(words.STATUSES)}',{remark},'{moment}')"
        )


def documents(count: int, until: datetime) -> Iterator[str]:
    """Rows of `documents`: binary content that does not compress, as scanned pages do not."""
    rng = random.Random(f"{SEED} documents")
    for number, moment in enumerate(_moments(rng, count, until, 3600), start=1):
        content = b"%PDF-1.7\n" + rng.randbytes(rng.randrange(4_000, 44_000))
        title = f"{rng.choice(words.DOCUMENT_KINDS)} {moment[:10]}"
        yield f"({number},{_q(title)},'application/pdf',x'{content.hex()}','{moment}')"


def audit_logs(rows: dict[str, int], until: datetime) -> Iterator[str]:
    """Rows of `audit_logs`: who did what, with the details as JSON."""
    rng = random.Random(f"{SEED} audit")
    count, people = rows["audit_logs"], rows["members"]
    moments = _moments(rng, count, until, 420)
    agents = rng.choices([_q(agent) for agent in words.AGENTS], k=count)
    deeds = rng.choices(words.DEEDS, k=count)
    actors = rng.choices(words.ACTORS, k=count)
    numbers = rng.choices(range(1, people + 1), k=count)
    for row, (moment, agent, (action, entity), actor, who) in enumerate(
        zip(moments, agents, deeds, actors, numbers, strict=True), start=1
    ):
        token = rng.getrandbits(128)
        details = (
            f'{{"requête": "{token:032x}", "page": "/{entity}/{who}/{action}", "durée_ms": {token % 900 + 12}, '
            f'"champs": ["{entity}_id", "modifié_le"], "avant": {{"version": {token % 17}}}}}'
        )
        yield (
            f"({row},{who},'{actor}','{action}','{entity}',{token % 150_000},x'{0x0A000000 + token % 65_536:08x}',"
            f"{agent},'{details}','{moment}.{token % 1000:03}')"
        )


def _q(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def make_site(path: Path, *, size: float = 1.0, until: datetime = UNTIL) -> int:
    """Write a PHP site's file tree into the new folder `path` and return how many files it holds.

    Raises FileExistsError. `cache/`, `logs/` and `*.log` hold what a plan leaves out.
    """
    path.mkdir()
    site = _Site(path, random.Random(f"{SEED} site"), until)
    site.code(max(2, int(60 * size)))
    site.uploads(max(4, int(900 * size)))
    site.leavings(max(3, int(500 * size)))
    return site.count


class _Site:
    def __init__(self, root: Path, rng: random.Random, until: datetime) -> None:
        self.root = root
        self.rng = rng
        self.until = until
        self.count = 0

    def write(self, name: str, content: bytes, *, mode: int = 0o644) -> None:
        """One file, dated somewhere in the last three years."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
        moment = (self.until - timedelta(minutes=self.rng.randrange(3 * 365 * 1440))).timestamp()
        os.utime(target, (moment, moment))
        self.count += 1

    def code(self, modules: int) -> None:
        """Front controller, configuration, libraries, templates."""
        self.write("public/index.php", words.php("Front", 3, self.rng))
        self.write("public/.htaccess", b"RewriteEngine On\nRewriteRule ^(.*)$ index.php [QSA,L]\n")
        self.write("config/database.php", words.PHP_CONFIGURATION, mode=0o640)
        self.write("config/app.php", words.php("Config", 2, self.rng))
        for number in range(modules):
            module = f"{self.rng.choice(words.MODULES)}{number}"
            for part in ("Controller", "Repository", "Entity", "Form", "Mailer", "Policy"):
                self.write(f"src/{module}/{module}{part}.php", words.php(module + part, 12, self.rng))
            for view in ("liste", "fiche", "édition", "courriel"):
                self.write(f"templates/{module.lower()}/{view}.html.twig", words.template(module, self.rng))
            for piece in range(12):
                self.write(f"vendor/{module.lower()}/lib/src/Part{piece}.php", words.php(f"Part{piece}", 25, self.rng))
        (self.root / "current").symlink_to("public")

    def uploads(self, count: int) -> None:
        """Pictures and papers by year and month; some of them under two names."""
        for number in range(count):
            year, month = self.until.year - self.rng.randrange(6), self.rng.randrange(1, 13)
            folder = f"uploads/{year}/{month:02}"
            if number % 5:
                picture = b"\xff\xd8\xff\xe0" + self.rng.randbytes(self.rng.randrange(4_000, 70_000))
                self.write(f"{folder}/photo-{number:05}.jpg", picture)
            else:
                title = self.rng.choice(words.DOCUMENT_KINDS)
                paper = b"%PDF-1.7\n" + self.rng.randbytes(self.rng.randrange(8_000, 90_000))
                self.write(f"{folder}/{title} n° {number}.pdf", paper)

    def leavings(self, count: int) -> None:
        """What nobody needs back: rendered pages, sessions, logs."""
        for number in range(count):
            key = f"{self.rng.getrandbits(64):016x}"
            self.write(f"cache/twig/{key[:2]}/{key}.php", words.php(f"Cached{number}", 4, self.rng))
        for day in range(max(2, count // 40)):
            lines = "".join(f"[{day:03}:{line:05}] GET /membres/{line} 200\n" for line in range(400))
            self.write(f"logs/access-{day:03}.txt", lines.encode())
        self.write("public/error.log", b"PHP Warning: foreach() argument must be of type array\n" * 200)
        self.write("src/debug.log", b"slow query: 2.31 s\n" * 300)


def main() -> None:
    """`python -m demonstration.data SITE`: write a site's tree, to look at it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--size", type=float, default=1.0)
    chosen = parser.parse_args()
    print(f"{make_site(chosen.site, size=chosen.size)} files in {chosen.site}")


if __name__ == "__main__":
    main()
