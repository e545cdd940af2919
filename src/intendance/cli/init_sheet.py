"""The recovery sheet: one page of A4 to print, for the day when this machine is gone. HTML without anything outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from intendance.agent.inventory.propose import ProposedAsset
from intendance.cli.init_plan import Draft
from intendance.language.texts import Translator

_STYLE = """@page{size:A4;margin:13mm}*{box-sizing:border-box}
body{font:10pt/1.35 "DejaVu Sans","Liberation Sans",Arial,sans-serif;color:#111;
max-width:184mm;margin:0 auto;padding:4mm}
h1{font-size:16pt;margin:0 0 1mm}h2{font-size:11pt;margin:4mm 0 1mm;border-bottom:.4pt solid #111}
p{margin:1mm 0}ol{margin:1mm 0;padding-left:5mm}table{border-collapse:collapse;width:100%}
td,th{border:.4pt solid #777;padding:1.1mm 1.6mm;text-align:left;vertical-align:top;font-weight:400}th{background:#eee}
code,.mono{font-family:"DejaVu Sans Mono","Liberation Mono",monospace;font-size:8.5pt;overflow-wrap:anywhere}
.hand{height:7.5mm}.quiet{color:#444}@media print{body{padding:0}}"""
_GROUPED = 4
_SHOWN = 12
"""Assets by name: more would not fit on one page."""


def page(_: Translator, draft: Draft, *, node_key: str, day: str) -> str:
    """The sheet as one HTML document; whatever a person wrote into the plan is text in it, never markup."""
    title = _("Recovery sheet of {node}").format(node=draft.node)
    body = [
        f"<h1>{escape(title)}</h1>",
        _p(
            f"{draft.organisation} · {day} · {_('Print it, and keep it away from the machine with the keys.')}", "quiet"
        ),
        *_keys(_, draft),
        *_places(_, draft, node_key),
        *_restore(_, draft.assets),
        *_people(_, draft),
    ]
    return (
        f'<!doctype html>\n<html lang="{_.language}"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _keys(_: Translator, draft: Draft) -> Iterator[str]:
    yield _h2(_("1. Who can open the backups"))
    yield _p(_("Any one of these keys is enough. Its file is `{file}` in the holder's folder; its passphrase stands"
               " nowhere but on the holder's own paper.").format(file="private-key.asc"))  # fmt: skip
    head = (_("key"), _("held by"), _("fingerprint"), _("where it is kept (by hand)"))
    rows = [
        (escape(key.name), escape(draft.contacts[key.held_by].name), _mono(_in_groups(key.fingerprint)), "&nbsp;")
        for key in draft.keys
    ]
    yield _table(head, rows, hand=True)


def _places(_: Translator, draft: Draft, node_key: str) -> Iterator[str]:
    yield _h2(_("2. Where the backups are"))
    shown = [f"{asset.name} ({asset.place})" for asset in draft.assets[:_SHOWN]]
    what = ", ".join([*shown, "…"] if len(draft.assets) > _SHOWN else shown) or "–"
    rows = [
        (escape(_("store")), _mono(f"{draft.store}/{draft.fleet}/{draft.node}/")),
        (escape(_("what is in it")), escape(what)),
        (escape(_("signed by the node's key")), _mono(_in_groups(node_key))),
        (escape(_("another copy (by hand)")), "&nbsp;"),
    ]
    yield _table((), rows)


def _restore(_: Translator, assets: Sequence[ProposedAsset]) -> Iterator[str]:
    yield _h2(_("3. Restore by hand, on any Linux, without Intendance"))
    database = any(asset.kind == "mariadb" for asset in assets)
    steps = [
        (_("Take another computer. Install what opens a set:"), "apt-get install gnupg zstd tar mariadb-client"),
        (_("Bring in a key; it asks for the passphrase:"), "gpg --import private-key.asc"),
        (_("Go to the newest folder of what you want back; in its name is the time, in UTC:"),
         "cd …/settings/settings.backup-full.20270131T020000Z.1"),
        (_("See that it is whole, and that the node's key above signed it:"), "sh RESTORE.sh check"),
        (_("Files, into a new folder:"), "sh RESTORE.sh files /srv/restored"),
    ]  # fmt: skip
    if database:
        steps.append(
            (_("A database, into an empty server:"), "sh RESTORE.sh sql db-NAME | mariadb --binary-mode --comments")
        )
    items = "".join(f"<li>{_code_in(text)} {_mono(command)}</li>" for text, command in steps)
    yield f"<ol>{items}</ol>"
    yield _p(_("`RESTORE.sh` is plain shell: read it first. `sh RESTORE.sh` alone tells all that it can do."))


def _people(_: Translator, draft: Draft) -> Iterator[str]:
    yield _h2(_("4. Whom to call"))
    head = (_("who"), _("e-mail"), _("telephone (by hand)"))
    rows = [(escape(each.name), escape(each.email or " "), "&nbsp;") for each in draft.contacts.values()]
    rows.append((escape(_("hosting provider")), "&nbsp;", "&nbsp;"))
    yield _table(head, rows, hand=True)


def _h2(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _p(text: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{_code_in(text)}</p>"


def _mono(text: str) -> str:
    return f'<span class="mono">{escape(text)}</span>'


def _code_in(text: str) -> str:
    """What stands between backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, hand: bool = False) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    kind = ' class="hand"' if hand else ""
    lines = "".join(f"<tr{kind}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{lines}</table>"


def _in_groups(fingerprint: str) -> str:
    return " ".join(fingerprint[start : start + _GROUPED] for start in range(0, len(fingerprint), _GROUPED))
