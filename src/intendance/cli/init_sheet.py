"""The recovery sheet: one page of A4 to print, for the day when this machine is gone. HTML without anything outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from intendance.agent.inventory.propose import ProposedAsset
from intendance.cli.init_plan import Draft
from intendance.language.texts import Translator

_STYLE = """@page{size:A4;margin:11mm}*{box-sizing:border-box}
body{font:9.5pt/1.3 "DejaVu Sans","Liberation Sans",Arial,sans-serif;color:#111;
max-width:188mm;margin:0 auto;padding:4mm}
h1{font-size:16pt;margin:0 0 1mm}h2{font-size:11pt;margin:3mm 0 1mm;break-after:avoid;border-bottom:.4pt solid #111}
p{margin:1mm 0}ol{margin:1mm 0;padding-left:5mm}table{break-inside:avoid;border-collapse:collapse;width:100%}
td,th{border:.4pt solid #777;padding:.9mm 1.6mm;text-align:left;vertical-align:top;font-weight:400}th{background:#eee}
tr{break-inside:avoid}th:last-child{width:50mm}.facts td:first-child{width:44mm}.line{display:block;white-space:nowrap}
code,.mono{font-family:"DejaVu Sans Mono","Liberation Mono",monospace;font-size:8.5pt;overflow-wrap:anywhere}
.hand{height:7.5mm}.quiet{color:#444}@media print{body{padding:0}}"""
_GROUPED = 4
_SHOWN_SIGNS = 320
"""Of the list of assets: more would not fit on one page (printed with the longest names that a plan takes)."""


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
        *_restore(_, draft.assets, node_key),
        *_people(_, draft),
    ]
    return (
        f'<!doctype html>\n<html lang="{_.language}"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _keys(_: Translator, draft: Draft) -> Iterator[str]:
    yield _h2(_("1. Who can open the backups"))
    yield _p(_("Any one of these keys is enough."))
    if not all(key.own for key in draft.keys):
        yield _p(_("Its file is `{file}` in the holder's folder; its passphrase stands nowhere but on the holder's own"
                   " paper.").format(file="private-key.asc"))  # fmt: skip
    for key in draft.keys:
        if key.own:
            yield _p(_("The key {name} is the holder's own: it is where they keep their keys.").format(name=key.name))
    head = (_("key"), _("held by"), _("fingerprint"), _("where it is kept (by hand)"))
    rows = [
        (escape(key.name), escape(draft.contacts[key.held_by].name), _in_two_lines(key.fingerprint), "&nbsp;")
        for key in draft.keys
    ]
    yield _table(head, rows, hand=True)


def _places(_: Translator, draft: Draft, node_key: str) -> Iterator[str]:
    yield _h2(_("2. Where the backups are"))
    rows = [
        (escape(_("store")), _mono(f"{draft.store}/{draft.fleet}/{draft.node}/")),
        (escape(_("what is in it")), escape(_listed(draft.assets))),
        (escape(_("signed by the node's key")), _mono(_in_groups(node_key))),
        (escape(_("another copy (by hand)")), "&nbsp;"),
    ]
    yield _table((), rows)


def _listed(assets: Sequence[ProposedAsset]) -> str:
    """The assets with their places, as many as there is room for."""
    shown = ""
    for asset in assets:
        longer = f"{shown}, {asset.name} ({asset.place})" if shown else f"{asset.name} ({asset.place})"
        if len(longer) > _SHOWN_SIGNS:
            return f"{shown}, …"
        shown = longer
    return shown or "–"


def _restore(_: Translator, assets: Sequence[ProposedAsset], node_key: str) -> Iterator[str]:
    yield _h2(_("3. Restore by hand, on any Linux, without Intendance"))
    kinds = {asset.kind for asset in assets}
    steps = [
        (_("Take another computer. Install what opens a set:"), "apt-get install gnupg zstd tar mariadb-client"),
        (_("Bring in a key; it asks for the passphrase:"), "gpg --import private-key.asc"),
        (_("Go to the newest folder of what you want back; in its name is the time, in UTC:"),
         "cd …/settings/settings.backup-full.20270131T020000Z.1"),
        (_("See that it is whole, and that the node's key above signed it:"), f"sh RESTORE.sh check {node_key}"),
        (_("Files, into a new folder:"), "sh RESTORE.sh files /srv/restored"),
    ]  # fmt: skip
    if "mariadb" in kinds:
        steps.append(
            (_("A database, into an empty server:"), "sh RESTORE.sh sql db-NAME | mariadb --binary-mode --comments")
        )
    if "sqlite" in kinds:
        steps.append((_("A SQLite database, into a new file:"), "sh RESTORE.sh raw db > /srv/restored.sqlite"))
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
    return f"<table><tr>{top}</tr>{lines}</table>" if top else f'<table class="facts">{lines}</table>'


def _in_two_lines(fingerprint: str) -> str:
    """In halves of five groups, so that there is room to write beside it."""
    groups = _in_groups(fingerprint).split(" ")
    half = len(groups) // 2
    halves = (" ".join(each) for each in (groups[:half], groups[half:]))
    return "".join(f'<span class="mono line">{each}</span>' for each in halves)


def _in_groups(fingerprint: str) -> str:
    return " ".join(fingerprint[start : start + _GROUPED] for start in range(0, len(fingerprint), _GROUPED))
