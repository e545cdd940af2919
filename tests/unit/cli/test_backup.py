"""`intendance backup` and `restore` asked in French, on a real node; machines get the same answer in any language."""

from __future__ import annotations

import pytest

from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def test_a_backup_and_its_restore_in_french(site: Site) -> None:
    empty = site.run("--lang", "fr", "backup", "list")
    assert "Pas encore de point de reprise de site-files." in empty.err
    made = site.run("--lang", "fr", "backup", "run", "site-files")
    assert made.code == 0, made.err
    assert "site-files\u00a0: sauvegarde complète (ici, Ctrl-C annule\u202f; exécution " in made.err
    assert "site-files\u00a0: sauvegarde complète terminée en " in made.out
    assert "Voyez-la revenir\u00a0: `intendance restore run site-files --into DEST`." in made.out
    listed = site.run("--lang", "fr", "backup", "list")
    assert listed.out.split("\n")[0].split()[:4] == ["REVIENT", "AU", "BIEN", "TYPE"]
    point = site.run("--lang", "fr", "backup", "list", "--json").json["points"][0]["id"]
    assert site.run("backup", "list", "--json").json["points"][0]["id"] == point
    assert "s’ouvre avec" in site.run("--lang", "fr", "backup", "show", point).out
    planned = site.run("restore", "plan", "site-files", "--into", "back", environment={"LC_ALL": "fr_BE.UTF-8"})
    assert planned.out.startswith("Restaurer site-files dans ")
    opened = site.keys.owner.environment
    done = site.run("--lang", "fr", "restore", "run", "site-files", "--into", "back", environment=opened)
    assert done.code == 0, done.err
    assert " restaurés dans " in done.out
    assert "Regardez-le\u202f; l’original est intact." in done.out
