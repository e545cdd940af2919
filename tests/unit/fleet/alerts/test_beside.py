"""Who is told, past the database, that nothing can be written: at once, once, and by whatever way is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intendance.fleet.alerts import texts
from intendance.fleet.alerts.beside import Beside
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.writing import NO_ANSWER, TOLD_NS, WATCHING, Unwritten, Writing
from intendance.language.texts import translator
from intendance.model.alerting import Alerts, AlertStep, EmailChannel, Way
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.model.plan import Contact
from intendance.notifiers import Delivery, Message
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

STEPS = (
    AlertStep(after_seconds=1800, to="lead", by=("email",)),
    AlertStep(after_seconds=0, to="admin", by=("email",)),
)
PEOPLE = {
    "admin": Contact(name="Admin", email="admin@example.org"),
    "lead": Contact(name="Lead", email="lead@example.org"),
    "other": Contact(name="Other", email="other@example.org"),
}
POLICY = Policy(
    fleet="asbl",
    organisation="ASBL",
    zone="Europe/Brussels",
    language="en",
    alerts=Alerts(email=EmailChannel(smtp="smtp://localhost", sender="i@example.org"), critical=STEPS),
    people=PEOPLE,
)


class Ways:
    """A way out that refuses whoever is named."""

    way: Way = "email"

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.taken: list[Message] = []

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        assert deadline_seconds > 0
        if message.to in self.refused:
            return Delivery(outcome="transient", code="451")
        self.taken.append(message)
        return Delivery(outcome="accepted", code="250")

    @property
    def told(self) -> list[str]:
        return [each.to.partition("@")[0] for each in self.taken]


class World:
    def __init__(self) -> None:
        self.clock = MovableClock(BEGAN)
        self.ways = Ways()
        self.wrong: Unwritten | None = Unwritten(BEGAN - timedelta(minutes=2), "the disk is full")
        self.beside = Beside(lambda: self.wrong, lambda: POLICY, {"email": self.ways}, self.clock, lambda _: None)

    def look(self, after: timedelta = timedelta()) -> list[str]:
        self.clock.move(after)
        before = len(self.ways.taken)
        self.beside.look()
        return self.ways.told[before:]


def test_the_first_are_told_once_and_again_after_six_hours() -> None:
    world = World()
    assert world.look() == ["admin"]
    assert world.look(timedelta(hours=5, minutes=59)) == []
    assert world.look(timedelta(minutes=1)) == ["admin"]
    first, again = world.ways.taken
    assert first.key == again.key, "who gets both can tell that they are one"
    assert first.subject == "[Intendance] CRITICAL: the manager can write nothing: the disk is full"
    assert "(2\N{NO-BREAK SPACE}min)" in first.text
    assert "alert show" not in first.text, "it has no number"
    world.wrong = None
    assert world.look() == []
    world.wrong = Unwritten(world.clock.read().at, "the disk is full")
    assert world.look() == ["admin"], "another time is told anew"
    assert world.ways.taken[-1].key != first.key


def test_who_cannot_be_reached_is_tried_again_and_others_are_told_meanwhile() -> None:
    world = World()
    world.ways.refused = {"admin@example.org", "lead@example.org"}
    assert world.look() == ["other"], "one of all who are left"
    world = World()
    world.ways.refused = {each.email or "" for each in PEOPLE.values()}
    assert world.look() == []
    world.ways.refused = set()
    assert world.look(timedelta(seconds=59)) == []
    assert world.look(timedelta(seconds=1)) == ["admin"]


def test_it_is_told_after_two_minutes_of_a_work_that_watches() -> None:
    clock = MovableClock(BEGAN)
    writing = Writing(clock)
    writing.begins("judge")
    writing.begins("detector")
    clock.move(timedelta(seconds=119))
    writing.begins("detector")  # in vain, again and again
    assert writing.unwritten(WATCHING, TOLD_NS) is None
    clock.move(timedelta(seconds=1))
    assert writing.unwritten(WATCHING, TOLD_NS) == Unwritten(BEGAN, NO_ANSWER), "a write that hangs is one, too"
    assert writing.failed("detector", "The disk is full.")
    assert not writing.failed("detector", "The disk is full.")
    assert writing.unwritten(WATCHING, TOLD_NS) == Unwritten(BEGAN, "The disk is full.")
    assert writing.trouble == "The disk is full."
    writing.done("detector")
    assert (writing.unwritten(WATCHING, 0), writing.trouble) == (None, "")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (NO_ANSWER, "il ne répond pas"),
        (
            DatabaseUnreachable(where="/v/manager.db", detail="database or disk is full").message,
            "la base du gestionnaire /v/manager.db est inutilisable",
        ),
    ],
)
@pytest.mark.parametrize("cause", ["manager.unwritten", "log.unwritten"])
def test_what_keeps_it_from_writing_is_told_in_the_readers_language(cause: str, reason: str, told: str) -> None:
    french = translator("fr", "alert_texts")
    seen = texts.Told(
        number=1, cause=cause, node="", urgency="critical", since=BEGAN, params={"reason": reason}, labels={}
    )
    said = texts.fact(french, seen)
    assert told in said
    assert not said.endswith(".")
    mail = texts.unwritten(french, reason, BEGAN, BEGAN + timedelta(minutes=3), zone="Europe/Brussels", way="email")
    assert " — depuis le " in mail.text
    assert "cannot" not in mail.text
