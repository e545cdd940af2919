"""Every YAML block of the manual, the README and the examples is a plan, or a part of one.

(`yml` marks those of other programs, such as Prometheus.)
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from intendance.plan import source
from intendance.plan.fleet import NODES
from intendance.plan.load import check, published_schema
from tests.support.plans import EXAMPLES, NOON
from tests.unit.house import tree

ROOT = Path(__file__).parents[3]
KEYS = "keys.backup_recipients["


def blocks() -> list[tuple[str, str]]:
    found = []
    for page in tree.files(".md"):
        pieces = (ROOT / page).read_text(encoding="utf-8").split("```yaml\n")
        for number, piece in enumerate(pieces[1:], start=1):
            found.append((f"{page}#{number}", piece.split("```")[0]))
    return found


def merged(base: Any, part: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(part, dict):
        return part
    return base | {name: merged(base.get(name), inner) for name, inner in part.items()}


def candidates(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Whole plans in which the part stands: as it is, in an example, or in each asset of an example."""
    if "version" in part:
        return [part]
    example = yaml.safe_load((EXAMPLES / "site.yaml").read_text(encoding="utf-8"))
    if set(part) <= {*published_schema()["properties"], NODES}:
        whole = copy.deepcopy(example)
        if NODES in part:
            del whole["node"]
        if "assets" in part:  # what it shows stands for the example's own
            whole["assets"] = {}
        if "stores" in part:
            part = part | {"stores": example["stores"] | part["stores"]}
        return [merged(whole, part)]
    return [merged(example, {"assets": {name: part}}) for name in example["assets"]]


def problems(plan: dict[str, Any]) -> list[str]:
    """What is wrong with it, but for its keys, which are nobody's."""
    text = yaml.safe_dump(plan, allow_unicode=True, sort_keys=False)
    checked = check(text.encode(), file="plan", folder=Path("/nonexistent"), now=NOON)
    return [f"{each.path}: {each.message}" for each in checked.problems if not each.path.startswith(KEYS)]


@pytest.mark.parametrize(("where", "block"), blocks(), ids=[where for where, _ in blocks()])
def test_a_yaml_block_of_the_manual_stands_in_a_valid_plan(where: str, block: str) -> None:
    part = source.read(block)[0].data
    if part is not None:  # a comment for editors
        wrong = [problems(plan) for plan in candidates(part)]
        assert [] in wrong, wrong


def test_there_are_blocks_and_a_wrong_one_would_be_noticed() -> None:
    assert len(blocks()) >= 6
    (plan,) = candidates({"stores": {"second": {"kind": "directory", "path": "relative"}}})
    assert problems(plan) == [
        "stores.second.path: `relative`: a path from the root is needed, since the agent runs in no particular folder"
    ]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_valid_but_for_its_keys(path: Path) -> None:
    checked = check(path.read_bytes(), file=path.name, folder=path.parent, now=NOON)
    assert [each.path for each in checked.problems if not each.path.startswith(KEYS)] == []


def test_the_whole_example_writes_every_section_and_every_kind() -> None:
    whole = yaml.safe_load((EXAMPLES / "whole.yaml").read_text(encoding="utf-8"))
    assert set(whole) == set(published_schema()["properties"])
    assert {store["kind"] for store in whole["stores"].values()} == {"directory", "s3", "sftp"}
