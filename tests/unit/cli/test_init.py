"""Why something that stands on a machine could not be looked at, in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from intendance.agent.inventory.machine import MOST_BYTES, Machine
from intendance.agent.inventory.propose import LeftOut, propose
from intendance.agent.inventory.take import look
from intendance.cli.init import reason
from intendance.language.texts import translator

INVENTORY = Path(__file__).resolve().parents[3] / "src/intendance/agent/inventory"


def test_what_is_too_long_to_read_is_said_in_both_languages(tmp_path: Path) -> None:
    site = tmp_path / "etc/nginx/nginx.conf"
    site.parent.mkdir(parents=True)
    site.write_text("#" * (MOST_BYTES + 1))
    found = look(tmp_path).evidence
    assert [(each.what, each.code) for each in found.not_seen] == [("/etc/nginx/nginx.conf", "too_long")]
    left = next(each for each in propose(found, all_powerful=True, crontabs=False).left_out if each.code == "not_seen")
    assert reason(translator("en", "init"), left) == "/etc/nginx/nginx.conf could not be looked at: longer than 1 MiB"
    assert reason(translator("fr", "init"), left) == (
        "/etc/nginx/nginx.conf n’a pas pu être examiné\u00a0: plus de 1\u00a0Mio"
    )


def test_a_server_in_a_container_is_said_without_english_words_in_french() -> None:
    machine = Machine()
    machine.miss("mariadbd in a container", "its files are not those of this machine", "container", "mariadbd")
    seen = machine.not_seen[0]
    left = LeftOut(what=seen.what, code="not_seen", detail=seen.why, why=seen.code, param=seen.param)
    assert reason(translator("fr", "init"), left) == (
        "mariadbd tourne dans un conteneur\u00a0: ses fichiers ne sont pas ceux de cette machine"
    )


def test_what_has_no_code_keeps_the_words_that_it_came_with() -> None:
    """An older inventory has none, and neither has the error of a database server."""
    left = LeftOut(what="mariadb:/run/x.sock", code="not_seen", detail="Access denied")
    said = reason(translator("fr", "init"), left)
    assert said == "mariadb:/run/x.sock n’a pas pu être examiné\u00a0: Access denied"


def test_every_code_of_the_inventory_has_a_sentence_of_its_own() -> None:
    codes = set()
    for source in INVENTORY.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".miss") and len(node.args) > 2:
                codes |= set(re.findall(r"'([a-z_]+)'", ast.unparse(node.args[2])))
    codes.add("denied")
    assert {"container", "too_many", "too_long"} <= codes
    _ = translator("fr", "init")
    plain = reason(_, LeftOut(what="x", code="not_seen", detail="y", param="7"))
    assert [
        code for code in codes if reason(_, LeftOut(what="x", code="not_seen", detail="y", why=code)) == plain
    ] == []
