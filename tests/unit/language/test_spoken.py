"""Errors and findings in French: every class and every part of a sentence, in its template and as it was recorded."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.language.spoken import advice_of, message_of, part, told
from intendance.language.texts import Entry, read
from intendance.model import errors
from intendance.model.errors import IntendanceError, WrongWords
from intendance.model.errors.engine import EngineFailed, LoadFailed, SourceMissing
from intendance.model.errors.founding import FoundingRefused, OwnKeyUnusable
from intendance.model.errors.keys import ChallengeExpired
from intendance.model.errors.process import ProgramFailed
from intendance.model.errors.runs import (
    AssetUnknown,
    KindNotPlanned,
    RunFailed,
    RunOver,
    SiteNotRestored,
    TimeAmbiguous,
)
from intendance.model.errors.sets import NoRoom
from intendance.model.errors.state import StateUnwritable, remedy_for
from intendance.model.errors.store import StoreRefused
from intendance.plan.load import check
from intendance.plan.problems import InARow
from tests.support.english import SOURCES, Module, blank, is_prose
from tests.support.typography import french_faults

CATALOGUES = SOURCES / "language/locale/fr/LC_MESSAGES"
_HOLE = re.compile(r"\{(\w+)\}")


def classes(of: type[IntendanceError] = IntendanceError) -> Iterator[type[IntendanceError]]:
    for found in pkgutil.iter_modules(errors.__path__):
        import_module(f"{errors.__name__}.{found.name}")
    for each in of.__subclasses__():
        if each.__module__.startswith(errors.__name__):
            yield each
        yield from classes(each)


CLASSES = sorted(set(classes()), key=lambda each: each.__name__)
NAMES = frozenset(each.__name__ for each in CLASSES) | {"Unanswered"}  # its words become a store's


def entries(domain: str) -> list[Entry]:
    return list(read((CATALOGUES / f"{domain}.po").read_text(encoding="utf-8")))


def says(template: str) -> bool:
    """Whether a template has words of its own besides what fills it."""
    return re.search("[a-z]{2}", _HOLE.sub("", template)) is not None


def templates(of: type[IntendanceError]) -> list[str]:
    return [each for each in ((of.__doc__ or "").strip(), of.next_step) if says(each)]


def sources() -> list[Path]:
    """What gives sentences to errors: not the plan, which says its own (`plan_said.po`), nor what stands alone."""
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        room = path.relative_to(SOURCES).parts
        plan = room[0] == "plan" and room[1] not in ("adopted.py", "load.py")
        if not plan and room[0] not in ("language", "docs") and "standalone" not in room and "load.py" not in room[-1:]:
            found.append(path)
    return found


def test_every_error_has_its_french_and_all_french_is_of_an_error() -> None:
    wanted = {template for each in CLASSES for template in templates(each)}
    listed = [entry.text for entry in entries("errors")]
    assert sorted(wanted - set(listed)) == []
    assert sorted(set(listed) - wanted) == []
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("error", CLASSES, ids=lambda each: each.__name__)
def test_an_error_says_the_same_when_it_happens_and_from_its_record(error: type[IntendanceError]) -> None:
    names = {name for template in (error.__doc__ or "", error.next_step) for name in _HOLE.findall(template)}
    params = {name: f"x{place}y" for place, name in enumerate(sorted(names))}
    happened = IntendanceError.__new__(error)
    IntendanceError.__init__(happened, **params)
    for template, english, french in (
        ((error.__doc__ or "").strip(), happened.message, message_of(happened, "fr")),
        (error.next_step, happened.advice, advice_of(happened, "fr")),
    ):
        assert told(english, "fr") == french
        assert [name for name in _HOLE.findall(template) if params[name] not in french] == []
        assert list(french_faults(french)) == []
        if says(template):
            assert french != english


def test_every_part_of_a_sentence_has_its_french() -> None:
    listed = {blank(entry.text).rstrip(".") for domain in ("error_parts", "errors") for entry in entries(domain)}
    missing = {
        f"{path.relative_to(SOURCES)}: {template!r}"
        for path in sources()
        for template in Module(path).given(NAMES)
        if is_prose(template) and template.rstrip(".") not in listed and not _said(template)
    }
    assert sorted(missing) == []


def _said(template: str) -> bool:
    """Whether a text with names in its holes is told, if only piece by piece."""
    filled = template.replace("{}", "x9y")
    return told(filled, "fr") != filled


def test_every_french_part_is_of_something_that_is_said() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    words = re.sub(r"[\"']\s*\n\s*f?[\"']|\\", "", code)
    words = re.sub(r"\s+", " ", words)
    unsaid = [
        entry.text
        for entry in entries("error_parts")
        if entry.text not in _OF_THE_SYSTEM
        and not all(piece.strip().removesuffix("s") in words for piece in _HOLE.split(entry.text)[::2])
    ]
    assert unsaid == []


_OF_THE_SYSTEM = {
    "No such file or directory", "Permission denied", "Operation not permitted", "No space left on device",
    "Disk quota exceeded", "Read-only file system", "Input/output error", "Stale file handle", "Too many open files",
    "Too many open files in system", "Cannot allocate memory", "File exists", "Not a directory", "Is a directory",
    "Too many levels of symbolic links", "Broken pipe", "Connection refused", "Connection timed out",
}  # fmt: skip


@pytest.mark.parametrize("domain", ["errors", "error_parts", "usage"])
def test_no_template_stands_twice(domain: str) -> None:
    listed = [entry.text for entry in entries(domain)]
    assert sorted(text for text in set(listed) if listed.count(text) > 1) == []


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_sentence_of_ours_within_another_one_is_told_too() -> None:
    missing = SourceMissing(asset="site", detail="there is no folder /srv/x on this machine")
    assert plain(message_of(missing, "fr")) == "site n’est pas là : il n’y a pas de dossier /srv/x sur cette machine."
    inner = LoadFailed(destination="The database x", detail="the client was ended by signal 9.")
    outer = SiteNotRestored(
        site="www", asset="db", detail=inner.message, advice=inner.advice, destination="/srv/r",
        undone="; what was restored of a, b is taken away again",
    )  # fmt: skip
    assert plain(message_of(outer, "fr")) == (
        "Le site www n’a pas été restauré, à cause de db : le chargement dans la base x a échoué : "
        "le client a été terminé par le signal 9."
    )
    assert plain(advice_of(outer, "fr")) == (
        "Réparez ce qui est dit ci-dessus, puis restaurez dans une nouvelle destination. "
        "Rien du site n’est resté dans /srv/r ; ce qui était restauré de a, b est retiré."
    )


def test_what_a_program_said_is_quoted_as_it_is() -> None:
    error = ProgramFailed(program="mariadb-dump", code=2, detail="Got error: 1045: Access denied for user 'x'.")
    quoted = "« Got error: 1045: Access denied for user 'x' »"
    assert plain(message_of(error, "fr")) == f"`mariadb-dump` s’est terminé avec le code 2 : {quoted}."
    assert plain(told(EngineFailed(asset="db", detail=error.message).message, "fr")) == (
        f"La lecture de db a échoué : `mariadb-dump` s’est terminé avec le code 2 : {quoted}."
    )
    assert told("nobody ever wrote this sentence", "fr") == "nobody ever wrote this sentence"


def test_what_the_system_refused_is_told_and_its_file_is_kept() -> None:
    refused = OSError(28, "No space left on device", "/var/lib/x")
    error = StateUnwritable(state="/var/lib/x", refused=refused)
    assert "plus de place sur le disque" in message_of(error, "fr")
    assert told(str(remedy_for(refused)), "fr") in advice_of(error, "fr")
    denied = StoreRefused(store="nas", operation="store a/b", detail="Permission denied: /mnt/x, as user id 3")
    assert plain(message_of(denied, "fr")) == (
        "Le dépôt nas a refusé une opération (stocker a/b) : accès refusé : /mnt/x, en tant qu’utilisateur numéro 3."
    )


def test_figures_and_kinds_are_written_in_french_and_names_are_left_alone() -> None:
    room = NoRoom(store="nas", free="1.5 GiB", kind="full", asset="full", need="20 GiB")
    said = "Le dépôt nas a 1,5 Gio libres ; une sauvegarde complète de full demande environ 20 Gio, et 15 % de marge."
    assert plain(message_of(room, "fr")) == plain(told(room.message, "fr")) == said
    assert plain(message_of(RunOver(run="r", state="succeeded"), "fr")) == "L’exécution r est déjà terminée : réussie."
    kinds = KindNotPlanned(asset="db", kind="physical", known="full, logical")
    assert plain(advice_of(kinds, "fr")).startswith("Il a : full, logical.")
    near = AssetUnknown(asset="x", suggestion="; did you mean `y`?", known="y")
    assert plain(message_of(near, "fr")) == "Le plan adopté n’a pas de bien `x` ; vouliez-vous dire `y` ?"


def test_an_error_of_a_run_is_told_from_its_record() -> None:
    first = SourceMissing(asset="site", detail="there is no folder /srv/x on this machine")
    later = f"It is tried again by itself at 2026-11-22T06:00:00Z. {first.advice}"
    recorded = RunFailed(message=first.message, advice=later)
    assert message_of(recorded, "fr") == message_of(first, "fr")
    assert advice_of(recorded, "fr").endswith(advice_of(first, "fr"))


def test_days_and_instants_are_written_as_french_does_with_their_zone() -> None:
    advice = SourceMissing(asset="x", detail="y").advice
    recorded = RunFailed(message="x", advice=f"It is tried again by itself at 2026-11-22T06:00:00Z. {advice}")
    assert "22 novembre 2026 à 06:00 UTC" in plain(advice_of(recorded, "fr"))
    seconds = RunFailed(message="x", advice=f"It is tried again by itself at 2026-11-01T06:00:07.250Z. {advice}")
    assert "1er novembre 2026 à 06:00:07 UTC" in plain(advice_of(seconds, "fr"))
    assert advice_of(recorded, "en") == recorded.advice
    expired = ChallengeExpired(key="marie", made_at="2026-11-01", days=30)
    assert "1er novembre 2026" in plain(message_of(expired, "fr"))
    assert "2026-11-01" in message_of(expired, "en")
    twice = TimeAmbiguous(
        text="2026-10-25T02:30", zone="Europe/Brussels", first="2026-10-25T00:30:00Z", second="2026-10-25T01:30:00Z"
    )
    assert "25 octobre 2026 à 00:30 UTC" in plain(message_of(twice, "fr"))
    assert "`--to 2026-10-25T00:30:00Z`" in advice_of(twice, "fr"), "what is to be typed stays as it is typed"
    assert "2026-13-40" in message_of(ChallengeExpired(key="marie", made_at="2026-13-40", days=30), "fr")


def test_a_part_of_a_sentence_goes_on_in_small_letters() -> None:
    said = SourceMissing(asset="site", detail="x").message
    assert part("The program `x` is not installed on this machine.", "fr").startswith("le programme `x`")
    assert part("The program `x` is not installed on this machine.", "fr", within=False).startswith("Le programme")
    assert part(said, "en") == said.rstrip(".")
    assert plain(part("what a program said.", "fr")) == "« what a program said »"


def test_what_is_said_of_a_plan_is_told_within_an_error() -> None:
    """Its French stands apart (`plan_said.po`), for it is said of plans by itself."""
    unusable = OwnKeyUnusable(
        file="k.asc",
        detail="`k.asc` holds no OpenPGP public key: no valid OpenPGP data found",
        remedy="Write `gpg --armor --export ABCD` into it, on the holder's machine",
    )
    said = plain(message_of(unusable, "fr"))
    assert said.endswith("`k.asc` ne contient pas de clé publique OpenPGP : « no valid OpenPGP data found ».")
    assert plain(advice_of(unusable, "fr")).startswith("Écrivez-y `gpg --armor --export ABCD`")
    refused = FoundingRefused(detail="assets.a.path: `rel`: a path from the root is needed, since the agent runs in no"
                                     " particular folder")  # fmt: skip
    assert "il faut un chemin" in plain(message_of(refused, "fr"))


def test_problems_of_a_plan_are_told_within_an_error_each_in_its_own_words(tmp_path: Path) -> None:
    content = b"fleet: x\ncatalogues: asbl\n"
    problems = check(content, file="p.yaml", folder=tmp_path, now=datetime(2026, 11, 1, tzinfo=UTC)).problems
    refused = FoundingRefused(detail=InARow(problems))
    assert {each.path for each in problems} >= {"", "catalogues"}
    french = plain(message_of(refused, "fr"))
    assert french.startswith("Le premier plan n’a pas pu être écrit : il manque `")
    assert french.count("il manque `") == sum(each.code == "missing" for each in problems) > 1
    assert "catalogues : il faut ici une liste" in french
    assert "; `organisation` is missing" in refused.message
    assert message_of(refused, "en") == refused.message


def test_english_is_what_was_written() -> None:
    error = WrongWords(sentence="Missing command.", command="intendance plan")
    assert (message_of(error, "en"), advice_of(error, "en")) == (error.message, error.advice)
    assert told(error.message, "en") == error.message


@given(st.text(max_size=60))
def test_any_text_comes_back_without_an_error(text: str) -> None:
    error = EngineFailed(asset="db", detail=text)
    assert message_of(error, "fr")
    assert told(text, "en") == text
    assert told(text, "fr") or not text
