# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH112, PTH113, PTH114, PTH119, PTH211 -- bytes, no paths
"""A tree, its full backup, whatever people do to trees, its differential: both together bring it back bit by bit."""

from __future__ import annotations

import os
import random
import shutil
import time
from unittest import mock

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from intendance.engines import KeepsSnapshot
from intendance.engines.files import FilesEngine, snapshot
from intendance.model.plan import FilesAsset
from tests.property.engines.test_trees import TREE, Node, _fingerprint, _room, _write
from tests.support import engines

KINDS = ("write", "grow", "delete", "rename", "rename", "rename", "exchange", "exchange", "link", "mode", "note",
         "to folder", "to file", "to symlink", "new", "into", "backdate", "sparse")  # fmt: skip


def _names(root: bytes) -> tuple[list[bytes], list[bytes]]:
    """Every folder but the root, and everything else, deepest last, in an order that does not depend on the disk."""
    folders: list[bytes] = []
    others: list[bytes] = []
    for place, inside, names in os.walk(root):
        for name in inside:
            path = os.path.join(place, name)
            (others if os.path.islink(path) else folders).append(path)
        others += [os.path.join(place, name) for name in names]
    return sorted(folders), sorted(others)


def _remove(path: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _mutate(root: bytes, kind: str, chance: random.Random) -> None:  # noqa: C901 -- one branch per kind
    folders, others = _names(root)
    files = [path for path in others if os.path.isfile(path) and not os.path.islink(path)]
    anything = folders + others
    places = [root, *folders]
    one = chance.choice(anything) if anything else None
    fresh = os.path.join(chance.choice(places), b"new %d" % chance.randrange(4))
    if kind == "new" or one is None:
        if not os.path.lexists(fresh):
            os.mkdir(fresh) if chance.random() < 0.5 else _put(fresh, b"n")
    elif kind in ("write", "grow", "backdate", "mode", "note", "link", "sparse") and files:
        _touch(chance.choice(files), kind, fresh, chance)
    elif kind == "delete":
        _remove(one)
    elif kind in ("rename", "into"):
        inside = os.path.join(chance.choice(places), os.path.basename(one))
        target = chance.choice([fresh, inside, chance.choice(anything)])
        _rename(one, target)
    elif kind == "exchange":
        other = chance.choice(anything)
        if not (one + b"/").startswith(other + b"/") and not (other + b"/").startswith(one + b"/"):
            os.rename(one, root + b"-kept")
            os.rename(other, one)
            os.rename(root + b"-kept", other)
    elif kind.startswith("to "):
        _remove(one)
        if kind == "to folder":
            os.mkdir(one, 0o750)
            _put(one + b"/inside", b"i")
        elif kind == "to file":
            _put(one, b"f")
        else:
            os.symlink(b".", one)


def _touch(path: bytes, kind: str, fresh: bytes, chance: random.Random) -> None:
    seen = os.stat(path)
    if kind == "link":
        if not os.path.lexists(fresh):
            os.link(path, fresh)
    elif kind == "mode":
        os.chmod(path, 0o600 | chance.randrange(64))
    elif kind == "note":
        os.setxattr(path, "user.note", b"%d" % chance.randrange(9))
    elif kind == "sparse":
        os.truncate(path, seen.st_size + 70_000)
    else:
        with open(path, "ab" if kind == "grow" else "r+b") as file:
            file.write(b"%d" % chance.randrange(1000))
        if kind == "backdate":
            os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _rename(path: bytes, target: bytes) -> None:
    """As `mv -T` after `rm -r` of what is in the way; never into itself."""
    inside = (target + b"/").startswith(path + b"/")
    above = (path + b"/").startswith(target + b"/")
    if not inside and not above:
        if os.path.lexists(target):
            _remove(target)
        os.rename(path, target)


def _put(path: bytes, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)


def _leaf(content: bytes) -> Node:
    return Node("file", 0o644, 10**18, content)


def _folder(**children: Node) -> Node:
    return Node("folder", 0o755, 10**18, children=tuple((name.encode(), child) for name, child in children.items()))


def _wait_for_the_file_systems_clock() -> None:
    """It moves in ticks of up to 10 ms."""
    now = time.clock_gettime_ns(time.CLOCK_REALTIME)
    while time.clock_gettime_ns(5) <= now:  # CLOCK_REALTIME_COARSE of linux/time.h, which stamps inodes
        os.sched_yield()


ROTATING = _folder(a=_folder(f=_leaf(b"a")), b=_folder(g=_leaf(b"b")), c=_folder(h=_leaf(b"c"), i=_folder()))


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tree=TREE, kinds=st.lists(st.sampled_from(KINDS), max_size=10), seed=st.integers(0, 2**32))
@example(tree=ROTATING, kinds=["exchange", "exchange", "exchange", "rename", "rename"], seed=1)
@example(tree=ROTATING, kinds=["rename", "rename", "rename", "rename", "new", "rename"], seed=5)
@example(tree=ROTATING, kinds=["link", "link", "rename", "rename", "exchange"], seed=3)
def test_full_and_differential_bring_back_the_tree_bit_by_bit(tree: Node, kinds: list[str], seed: int) -> None:
    with _room() as room:
        root = os.fsencode(room) + b"/tree"
        _write(tree, root, [])
        for name in ("one", "two"):
            (room / name).mkdir()
        engine = FilesEngine(FilesAsset(name="site", path=str(room / "tree"), backup=None))
        full_session = engine.back_up("full", room / "one")
        assert isinstance(full_session, KeepsSnapshot)
        full = engines.take(full_session)
        _wait_for_the_file_systems_clock()
        chance = random.Random(seed)
        for kind in kinds:
            _mutate(root, kind, chance)
        after = _fingerprint(root)
        # Without the margin of seconds, by which everything of so young a tree would be read again.
        with mock.patch.object(snapshot, "EARLIER_SECONDS", 0):
            changes = engines.take(engine.back_up_changes(full_session.snapshot, room / "two", 0))
        both = engines.TakenSet(changes.source, full.streams | changes.streams)
        session = engine.restore(both.in_set, {}, str(room / "back"), room / "scratch")
        assert engines.failed(engines.load(session, both)) == []
        assert _fingerprint(os.fsencode(room) + b"/back") == after
