"""A plan that locks legal copies for good is put in force by a person who named them, and nothing begins before."""

from __future__ import annotations

import pytest

from intendance.agent.adoption import adopt
from intendance.agent.comparing import compare
from intendance.model.errors.plan import NotConfirmed
from intendance.plan.load import load
from intendance.system.clock import SystemClock
from tests.support.sets import completed
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def write(site: Site, lock: str) -> None:
    text = site.write_plan().read_text()
    bucket = f"offsite: {{kind: s3, bucket: b-legal, region: eu-west-3, credentials: {{file: s3.ini}}{lock}}}"
    text = text.replace("contacts:", f"  {bucket}\ncontacts:", 1).replace("stores: [local]", "stores: [local, offsite]")
    legal = "{points: 90d, legal: {select: yearly, kind: full, keep: 8y}}"
    site.plan.write_text(text.replace("{points: 90d}", legal))


def put_in_force(site: Site, *confirmed: str) -> tuple[str, ...]:
    done = adopt(site.plan, state=site.state, clock=SystemClock(), actor="person:test", confirmed=confirmed)
    return tuple(change.code for change in done.changes if change.severe)


def test_a_first_plan_that_locks_for_good_begins_nothing_unconfirmed(bare_site: Site) -> None:
    write(bare_site, ", object_lock: compliance")
    clock = SystemClock()
    compared = compare(load(bare_site.plan, clock.read().at), state=bare_site.state, clock=clock)
    assert compared.to_confirm == ("site-files",)
    with pytest.raises(NotConfirmed, match="which nobody can shorten: in time 9 sets"):
        put_in_force(bare_site)
    assert not (bare_site.state / "agent" / "state.db").exists()
    assert put_in_force(bare_site, "site-files") == ("locked-for-good",)
    with bare_site.node() as node:
        (adopted,) = node.book.facts("plan.adopted")
    assert [each.change for each in adopted.data.confirmed] == ["locked-for-good"]
    assert put_in_force(bare_site) == ()


def test_a_lock_that_comes_later_is_confirmed_with_what_the_last_set_takes(bare_site: Site) -> None:
    write(bare_site, ", object_lock: governance")
    assert put_in_force(bare_site) == ()
    with bare_site.node() as node:
        made = completed(engine="files", kind="full", stored_bytes=5 << 20)
        node.book.append(made, actor="person:test", asset="site-files")
    write(bare_site, ", object_lock: compliance")
    with pytest.raises(NotConfirmed, match=r"in time 9 sets, 45\.0 MiB if all are as large as the last"):
        put_in_force(bare_site)
    assert "locked-for-good" in put_in_force(bare_site, "offsite", "site-files")
