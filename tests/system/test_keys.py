"""`keys prove` with real keys: what a holder opens counts as proof, and nothing else does."""

from __future__ import annotations

import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.agent import proving
from intendance.model.errors.keys import ChallengeAnswerWrong, ChallengeExpired, KeyUnknown
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.gnupg import Holder
from tests.support.state import Site

NOW = SystemClock().read().at


def _opened(holder: Holder, challenge: Path) -> str:
    """The code in a challenge, as its holder reads it."""
    found = re.search(r"The answer is (\S+)\n", holder.decrypt(challenge.read_bytes()).decode())
    assert found is not None
    return found[1]


def test_a_holder_proves_their_key_and_the_list_says_so(site: Site) -> None:
    asked = site.run("keys", "prove")
    assert asked.code == 0, asked.err
    challenges = {name: site.base / f"challenge-{name}.asc" for name in ("owner", "offline")}
    assert challenges["owner"].read_text().startswith("-----BEGIN PGP MESSAGE-----")
    code = _opened(site.keys.owner, challenges["owner"])
    for kept in (site.state / "agent").rglob("*"):
        if kept.is_file():
            assert code.encode() not in kept.read_bytes()
            assert kept.parent.name != "challenges" or stat.S_IMODE(kept.stat().st_mode) == 0o600
    proven = site.run("keys", "prove", "--answer", code.lower().replace("-", " "), "--json")
    assert proven.code == 0, proven.err
    assert proven.json["key"] == "owner"
    with site.node() as node:
        (fact,) = node.book.facts("key.proven")
        assert fact.data.fingerprint == site.keys.owner.fingerprint
        assert fact.data.held_by == "admin"
        assert len(fact.data.subkeys) == 1
        assert node.book.record(fact.seq).actor.startswith("person:")
    listed = {each["name"]: each for each in site.run("keys", "list", "--json").json["keys"]}
    assert listed["owner"]["proven_at"] is not None
    assert listed["owner"]["challenged_at"] is None
    assert listed["offline"]["proven_at"] is None
    assert listed["offline"]["challenged_at"] is not None
    assert [each["private_half_here"] for each in listed.values()] == [False, False]
    again = site.run("keys", "prove", "--answer", code)
    assert again.code == 1
    assert "No open challenge of this node has that answer." in again.err


def test_each_challenge_is_for_its_own_key_alone(site: Site) -> None:
    site.run("keys", "prove")
    theirs = (site.base / "challenge-owner.asc").read_bytes()
    with pytest.raises(AssertionError, match="decryption failed"):
        site.keys.offline.decrypt(theirs)


def test_a_new_challenge_replaces_the_one_before(site: Site) -> None:
    site.run("keys", "prove", "owner")
    first = _opened(site.keys.owner, site.base / "challenge-owner.asc")
    site.run("keys", "prove", "owner")
    second = _opened(site.keys.owner, site.base / "challenge-owner.asc")
    assert site.run("keys", "prove", "--answer", first).code == 1
    assert site.run("keys", "prove", "--answer", second).code == 0


def test_an_answer_that_comes_late_or_wrong_is_no_proof(site: Site) -> None:
    clock = MovableClock(NOW)
    ((_, place),) = proving.challenge(site.state, clock, names=["owner"], folder=site.base)
    code = _opened(site.keys.owner, place)
    with pytest.raises(ChallengeAnswerWrong):
        proving.answer(site.state, clock, "AAAA-BBBB-CCCC-DDDD-EEEE", actor="person:root")
    clock.at = NOW + proving.VALID + timedelta(seconds=1)
    with pytest.raises(ChallengeExpired):
        proving.answer(site.state, clock, code, actor="person:root")
    with site.node() as node:
        assert node.book.facts("key.proven") == ()


def test_a_key_that_left_the_plan_proves_nothing(site: Site) -> None:
    clock = MovableClock(NOW)
    ((_, place),) = proving.challenge(site.state, clock, names=["owner"], folder=site.base)
    code = _opened(site.keys.owner, place)
    text = site.plan.read_text().replace(site.keys.owner.fingerprint, site.keys.drill.fingerprint)
    (site.base / "keys/owner.asc").write_text(site.keys.drill.armored)
    site.plan.write_text(text)
    assert site.run("plan", "adopt", str(site.plan), "--confirm", "owner").code == 0
    with pytest.raises(ChallengeAnswerWrong):
        proving.answer(site.state, clock, code, actor="person:root")


def test_a_key_that_the_plan_does_not_have_is_named_with_the_nearest(site: Site) -> None:
    with pytest.raises(KeyUnknown, match="did you mean `owner`"):
        proving.challenge(site.state, SystemClock(), names=["ownr"], folder=site.base)


def test_a_private_half_on_this_machine_is_told(site: Site) -> None:
    told = site.run("keys", "list", environment={"GNUPGHOME": str(site.keys.owner.home)})
    assert "Its private half is in your keyring on this machine" in told.out
    answer = site.run("keys", "list", "--json", environment={"GNUPGHOME": str(site.keys.owner.home)}).json
    assert {each["name"]: each["private_half_here"] for each in answer["keys"]} == {"owner": True, "offline": False}


def test_people_read_who_holds_what_in_both_languages(site: Site) -> None:
    english = site.run("keys", "list").out
    assert english.startswith("2 keys open the backups of web-01, held by 2 people.\n")
    assert english.count("Not yet proven; due by ") == 2
    assert english.rstrip().endswith("intendance keys prove")
    french = site.run("keys", "list", "--lang", "fr").out
    assert french.startswith("2 clés ouvrent les sauvegardes de web-01, aux mains de 2 personnes.\n")
