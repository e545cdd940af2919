"""Witness policies as C2SP writes them: what is one, what is none, and whose cosignatures are enough."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.note import VerifierKey
from intendance.ledger.policy import Policy, parse_policy, read_policy
from intendance.model.errors.ledger import NoteMalformed, PolicyUnusable
from tests.support import bundles
from tests.support.growing_log import key_of

KEYS = {f"w{n}": WitnessKey(f"w{n}.example", key_of(n).public_key().public_bytes_raw()) for n in range(1, 6)}
LOG = VerifierKey("asbl/log", key_of(9).public_key().public_bytes_raw())
WITNESSES = "".join(f"witness {name} {key.text}\n" for name, key in KEYS.items())
TWO_HOUSES = "group here 2 w1 w2 w3\ngroup there any w4 w5\ngroup both all here there\nquorum both\n"


def _standalone() -> ModuleType:
    spec = importlib.util.spec_from_file_location("standalone_verifier", bundles.VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ALONE = _standalone()


def _policy(text: str) -> Policy:
    return parse_policy(text.encode())


def test_groups_of_groups_are_met_by_as_many_as_they_say() -> None:
    policy = _policy(WITNESSES + TWO_HOUSES)
    for count in range(6):
        for names in combinations(KEYS, count):
            sizes = {KEYS[name]: 7 for name in names}
            met = len({"w1", "w2", "w3"} & {*names}) >= 2 and bool({"w4", "w5"} & {*names})
            assert policy.vouched(sizes, 99) == (7 if met else None), names


def test_a_quorum_vouches_for_what_all_that_it_needs_have_seen() -> None:
    policy = _policy(WITNESSES + "group two 2 w1 w2 w3\nquorum two\n")
    assert policy.vouched({KEYS["w1"]: 100, KEYS["w2"]: 40, KEYS["w3"]: 10}, 100) == 40
    assert policy.vouched({KEYS["w1"]: 100}, 100) is None
    assert policy.vouched({KEYS["w4"]: 100, KEYS["w5"]: 100}, 100) is None
    assert policy.needed() == (KEYS["w1"], KEYS["w2"], KEYS["w3"])


def test_a_policy_without_quorum_asks_for_nothing_and_one_without_logs_believes_any() -> None:
    assert (_policy("quorum none\n").vouched({}, 7), _policy("quorum none\n").needed()) == (7, ())
    assert _policy("quorum none\n").names(LOG)
    assert _policy(f"log {LOG.text}\nquorum none\n").names(LOG)
    other = VerifierKey("asbl/log", KEYS["w1"].public)
    assert not _policy(f"log {other.text}\nquorum none\n").names(LOG)


def test_remarks_blanks_tabs_addresses_and_other_alphabets_are_allowed() -> None:
    text = f"# été\n\n \t log  {LOG.text}\thttps://log.example \n  # more\n"
    text += f"witness Été {KEYS['w1'].text} https://w\nquorum Été"
    assert _policy(text).needed() == (KEYS["w1"],)


W1 = f"witness w1 {KEYS['w1'].text}\n"
NONE = {
    "empty": "",
    "no quorum": W1,
    "two quorums": W1 + "quorum w1\nquorum none\n",
    "unknown word": "quorums none\n",
    "unknown name": "quorum w1\n",
    "used before it is defined": "quorum w1\n" + W1,
    "a witness's key as a log's": f"log {KEYS['w1'].text}\nquorum none\n",
    "a log's key as a witness's": f"witness w {LOG.text}\nquorum w\n",
    "a key that does not fit its id": W1.replace("w1.example+", "w1.exampl+") + "quorum w1\n",
    "one key twice": W1 + W1.replace("witness w1", "witness w2") + "quorum w1\n",
    "one log twice": f"log {LOG.text}\nlog {LOG.text}\nquorum none\n",
    "one name twice": W1 + f"witness w1 {KEYS['w2'].text}\nquorum w1\n",
    "called none": W1.replace("witness w1", "witness none") + "quorum none\n",
    "none as a member": W1 + "group g any w1 none\nquorum g\n",
    "nobody in a group": "group g any\nquorum g\n",
    "too many wanted": W1 + "group g 2 w1\nquorum g\n",
    "none wanted": W1 + "group g 0 w1\nquorum g\n",
    "a sign": W1 + "group g +1 w1\nquorum g\n",
    "a member twice": W1 + "group g any w1\ngroup h any w1\nquorum h\n",
    "a member of itself": W1 + "group g any w1 g\nquorum g\n",
    "too many words": W1 + "quorum w1 w1\n",
    "a control sign": "quorum none\r\n",
    "endless": "# " + "x" * 70_000 + "\nquorum none\n",
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_policy_is_refused_by_both_verifiers(text: str, tmp_path: Path) -> None:
    with pytest.raises(NoteMalformed):
        _policy(text)
    with pytest.raises(ValueError, match=r"."):
        ALONE.Policy(text.encode())
    (tmp_path / "policy").write_text(text)
    with pytest.raises(PolicyUnusable) as refused:
        read_policy(tmp_path / "policy")
    assert refused.value.exit_code == 2


def test_a_policy_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnusable, match="No such file"):
        read_policy(tmp_path / "policy")


def _groups() -> st.SearchStrategy[str]:
    wanted = st.sampled_from(["any", "all", "1", "2", "3"])
    return st.tuples(wanted, wanted, st.permutations(list(KEYS)), st.integers(1, 4)).map(
        lambda it: (
            f"group a {it[0]} {' '.join(it[2][: it[3]])}\ngroup b {it[1]} a {' '.join(it[2][it[3] :])}\nquorum b\n"
        )
    )


@given(_groups(), st.dictionaries(st.sampled_from(list(KEYS)), st.integers(0, 4)))
def test_both_verifiers_read_and_judge_alike(groups: str, seen: Mapping[str, int]) -> None:
    try:
        policy = _policy(WITNESSES + groups)
    except NoteMalformed:
        with pytest.raises(ValueError, match=r"."):
            ALONE.Policy((WITNESSES + groups).encode())
        return
    alone = ALONE.Policy((WITNESSES + groups).encode())
    assert {key.public for key in policy.needed()} == {key.public for key in alone.needed()}
    theirs = alone.vouched({KEYS[name].public: size for name, size in seen.items()}, 9)
    assert policy.vouched({KEYS[name]: size for name, size in seen.items()}, 9) == theirs
