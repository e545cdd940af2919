"""The compiled plan: one form, read back equal, refused when it is not the one recorded (see also test_adoption)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intendance.model.errors.state import NoState
from intendance.plan import adopted
from tests.support.plans import EXAMPLES, Plans


@pytest.mark.gnupg
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_a_plan_is_read_back_as_it_was(name: str, plans: Plans) -> None:
    plan = plans.check(plans.example(name)).valid()
    content = adopted.encode(plan)
    assert adopted.decode(content) == plan
    assert (
        json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == content.decode()
    )


@pytest.mark.gnupg
def test_a_plan_of_another_form_is_refused(plans: Plans) -> None:
    content = adopted.encode(plans.check(plans.example()).valid())
    for other in (b"[]", b"{}", content[:-1], content + b" ", content.replace(b'"version":1', b'"version":1,"x":2')):
        with pytest.raises((ValueError, KeyError, TypeError)):
            adopted.decode(other)


def test_where_nothing_was_adopted_there_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(NoState):
        adopted.read(tmp_path)
