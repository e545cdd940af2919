"""A fleet in which alerts ring, are in hand, are silenced and are over: made by the real watch, on a real database."""

from __future__ import annotations

import json

from sqlalchemy import insert, update

from intendance.fleet.alerts.owning import owners
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import setting, verdict
from intendance.fleet.verdicts.changing import LOOKED
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.notifiers import Delivery, Message
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.watching import Watch

PLANTED = '<img src=x onerror="alert(1)">'


class Alerted:
    """Alerts that came about, and who asks for them."""

    def __init__(self, database: Database, clock: MovableClock | None = None) -> None:
        self._database = database
        self.watch = Watch(database, BEGAN)
        if clock is not None:
            self.watch.clock = clock
            self.watch.restart()
        self.clock = self.watch.clock
        self.logged: list[tuple[object, str]] = []
        self.alerts = Alerts(database, lambda: self.watch.policy, self.clock)
        about = About(fleet="asbl", organisation="ASBL Exemple", zone="Europe/Brussels")
        self.verdicts = Verdicts(database, self.clock, about, owners=owners, say=print)
        self._mails = 0
        self.watch.mail.answer = self._mail
        self.watch.sms.answer = lambda _: Delivery(
            outcome="accepted", code="202", provider_id="8a41f0", detail="Accepted"
        )

    def _mail(self, message: Message) -> Delivery:
        self._mails += 1
        queued = f"4F1C2A{self._mails:02X}"
        if message.to.startswith("lead") and self._mails % 2:
            return Delivery(outcome="transient", code="451", detail="4.7.1 greylisted")
        return Delivery(outcome="accepted", code="250", provider_id=queued, detail=f"2.0.0 Ok: queued as {queued}")

    @property
    def open_numbers(self) -> dict[str, int]:
        """The numbers of the alerts that are not over, by node and cause."""
        return {f"{each.told.node} {each.told.cause}": each.told.number for each in self.alerts.listed()}

    def live(self) -> None:
        """An hour: two rules broken; three nodes silent: one came back, one is silenced, one in somebody's hands."""
        watch = self.watch
        watch.enrol(["web-01", "mail-01", "mail-02", "nas-1"], site="liège")
        for rule in ("ASBL_010", "ASBL_012"):
            watch.judge("web-01", rule, "fail", "blocking", "shop-db")
        self._give_reasons()
        watch.wait(300, beating=("web-01", "mail-02", "nas-1"))
        number = self.open_numbers["mail-01 node.missing"]
        self.alerts.ack(number, by="person:lea", lasting_seconds=86_400, reason=f"disque commandé {PLANTED}")
        self.alerts.silence(
            {"node": "mail-02"}, reason=f"déménagement {PLANTED}", by="person:karim", lasting_seconds=7200
        )
        watch.wait(300, beating=("web-01", "nas-1"))
        watch.wait(300, beating=("web-01",))
        watch.wait(2400, beating=("web-01", "nas-1"))

    def _give_reasons(self) -> None:
        """What is broken has a reason, and a record that it rests on."""
        told = {"ASBL_010": "too_old", "ASBL_012": "no_store"}
        reasons = {rule: json.dumps({"code": code, "params": {"age_s": 115_200, "bound_s": 95_400}})
                   for rule, code in told.items()}  # fmt: skip
        cites = json.dumps([{"node": "web-01", "seq": 12}])
        with self._database.begin() as connection:
            for rule, reason in reasons.items():
                these = update(verdict).where(verdict.c.rule == rule)
                since = {"since_us": self.watch.now_us, "attested_by": "self", "evidence": cites}
                connection.execute(these.values(reason=reason, **since))
            looked = {"name": LOOKED, "value": str(self.watch.now_us + 3600 * 1_000_000)}
            connection.execute(insert(setting).values(**looked))
