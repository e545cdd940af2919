"""What a new plan changes about the machines beside the node, and whose word counts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from intendance.model.plan import Host
from intendance.plan.change import Change
from intendance.plan.saying import say


def host_changes(former: Mapping[str, Host], new: Mapping[str, Host]) -> Iterator[Change]:
    """A ledger that begins to count, or another in its place, is severe: rules may rest on it alone."""
    for name, host in new.items():
        before = former[name].ledger_key if name in former else None
        if host.ledger_key is not None and host.ledger_key != before:
            said = say("what {host} records counts as its word, under the key {key}", host=name, key=host.ledger_key)
            yield Change(name=name, code="host-believed", said=said, severe=True, effect="starts")
    for name, host in former.items():
        if host.ledger_key is not None and (name not in new or new[name].ledger_key is None):
            said = say("what {host} records no longer counts", host=name)
            yield Change(name=name, code="host-no-longer-believed", said=said, severe=True, effect="stops")
    if _without_keys(former) != _without_keys(new):
        yield Change(name="", code="hosts", said=say("what is said of other machines changed"))


def _without_keys(hosts: Mapping[str, Host]) -> Mapping[str, Host]:
    return {name: replace(host, ledger_key=None) for name, host in hosts.items()}
