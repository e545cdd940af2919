"""Files generated from the declaration of options: `schema.json` and the reference page `docs/plan.md`.

`python -m intendance.plan.reference DOCS_FOLDER` writes both; a test says when they are stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intendance.plan.declared import waits
from intendance.plan.load import published_schema
from intendance.plan.writing import flow

Schema = Mapping[str, Any]

_HEAD = """\
# The plan, `intendance.yaml`

<!-- Generated from src/intendance/plan/schema/: `python -m intendance.plan.reference docs`. Change it there. -->

One file says how a node must be maintained. `intendance plan check` tells everything that is wrong with it, with line
and column and what to write instead; `intendance plan show` tells what will happen, when and where; `intendance plan
diff` tells what that changes of the plan in force; `intendance plan adopt` puts it in force and records that in the
ledger. What takes protection away (an asset, a store, a key, a catalogue or a site that goes, a shorter retention, a
rarer schedule, more left out, a waiver), and what nobody can undo (legal copies locked in compliance mode), is
confirmed by its name, and that is recorded too. Editors complete and check the
file with `intendance plan schema > intendance.schema.json` and this first line in it:

```yaml
# yaml-language-server: $schema=intendance.schema.json
```

One file may hold the plans of several nodes: `nodes` names them, and what stands under a name is laid over the rest of
the file for that node alone.

```yaml
nodes:
  web-01: {}
  db-01:
    node: {site: namur}
    stores:
      local: {path: /srv/backups}
```

Mappings are merged option by option, a list adds to the common one, any other value stands instead of the common one.
So an entry takes nothing away: what the file names for all, it names on each node, and what is only for some stands in
their entries. `version` and `fleet` are the same for all, and a node of a fleet has its name from `nodes`. `plan check`
checks each node's plan against all the rules, names the nodes that a problem is about, and tells where an entry asks
less of its node than the file asks of the others. `plan show`, `plan diff` and `plan adopt` take `--node NAME`; on a
machine with a ledger, its node is meant. [A whole one](examples/fleet.yaml).

Whole plans: [one small site](examples/site.yaml), [both catalogues](examples/both-catalogues.yaml),
[files alone](examples/files.yaml), [everything that can be written](examples/whole.yaml).

What is marked *kept as declared* this version checks and keeps in the adopted plan, and does nothing with yet;
`plan check`, `plan show` and `plan diff` say so.

Names (of the fleet, the node, stores, assets, contacts, recipients) are lower-case letters, digits and hyphens, 40 at
most. A length of time is a number and its unit: `90d`, `4w`, `1y` (366 days). Files may be named from the plan's own
folder. Secrets never stand in a plan: `{file: …}`, `{env: …}` or `{command: […]}` say where they are.
"""


def schema_text() -> str:
    """`schema.json` as it must be."""
    from intendance.plan.schema import json_schema  # pydantic: only where the files are made

    return json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"


def page() -> str:
    """`docs/plan.md` as it must be."""
    schema = published_schema()
    sections = [_HEAD, *_section("The whole file", schema, schema)]
    for title, place, definition in _GROUPS:
        sections += _section(f"`{title}`", schema["$defs"][definition], schema, place=place)
    return "\n".join(sections).rstrip() + "\n"


# Where each group of options stands, in the order in which a plan is written; a test sees that none is left out.
_GROUPS = (
    ("organisation", "", "Organisation"),
    ("node", "", "Node"),
    ("keys", "", "Keys"),
    ("keys.backup_recipients", "each item of the list", "BackupRecipient"),
    ("stores.NAME, kind: directory", "", "DirectoryStore"),
    ("stores.NAME, kind: s3", "", "S3Store"),
    ("stores.NAME, kind: sftp", "", "SftpStore"),
    ("contacts.NAME", "", "Contact"),
    ("assets.NAME, kind: mariadb", "", "MariadbAsset"),
    ("assets.NAME.connect", "", "MariadbConnection"),
    ("credentials", "", "SecretReference"),
    ("assets.NAME.backup of a mariadb", "", "MariadbBackup"),
    ("assets.NAME.backup.stream", "", "Stream"),
    ("assets.NAME, kind: files", "", "FilesAsset"),
    ("assets.NAME.backup of files", "", "FilesBackup"),
    ("assets.NAME, kind: sqlite", "", "SqliteAsset"),
    ("assets.NAME.backup of a sqlite", "", "SqliteBackup"),
    ("logical, physical, full, differential", "", "BackupSchedule"),
    ("inspect", "", "Inspection"),
    ("retention", "", "Retention"),
    ("retention.legal", "", "LegalRetention"),
    ("assets.NAME.drill of a mariadb", "", "MariadbDrill"),
    ("assets.NAME.drill.checks", "each item of the list", "Check"),
    ("assets.NAME.drill of files", "", "FilesDrill"),
    ("assets.NAME.drill of a sqlite", "", "Drill"),
    ("assets.NAME.upkeep of a mariadb", "", "MariadbUpkeep"),
    ("assets.NAME.upkeep.analyze", "", "Analysis"),
    ("assets.NAME.upkeep.purge", "each item of the list", "Purge"),
    ("sites.NAME", "", "Site"),
    ("waivers", "each item of the list", "Waiver"),
    ("hosts.NAME", "", "DrillHost"),
    ("prune", "", "Prune"),
    ("manager", "", "Manager"),
    ("manager.witnesses", "each item of the list", "Witness"),
    ("thresholds", "", "Thresholds"),
    ("thresholds.disk, memory, cpu", "instead of a share alone", "SustainedShare"),
    ("probes", "each item of the list", "Probe"),
    ("alerts", "", "Alerts"),
    ("alerts.email", "", "EmailChannel"),
    ("alerts.sms", "", "SmsChannel"),
    ("alerts.policy", "", "AlertPolicy"),
    ("alerts.policy.critical, warning", "each item of the list", "AlertStep"),
    ("providers.NAME", "", "Provider"),
    ("windows", "each item of the list", "Window"),
    ("budget", "", "Budget"),
    ("duties", "", "Duties"),
)


def _section(title: str, group: Schema, root: Schema, *, place: str = "") -> Iterator[str]:
    yield f"## {title}\n"
    yield group["description"] + (f" ({place[0].upper()}{place[1:]}.)" if place else "") + "\n"
    if group.get("x-declared"):
        yield f"Kept as declared: {_NOT_PERFORMED}.\n"
    choices = [f"`{entry['required'][0]}`" for entry in group.get("oneOf", ())]
    if choices:
        yield f"Exactly one of {', '.join(choices)} is written.\n"
    for name, option in group["properties"].items():
        yield _option(name, option, name in group.get("required", ()), root)
    later = group.get("x-later")
    if later:
        listed = ", ".join(f"`{name}`" for name in later)
        yield f"Not performed by this version, and refused until one does: {listed}.\n"


_NOT_PERFORMED = "this version checks it and does nothing with it yet"


def _option(name: str, option: Schema, required: bool, root: Schema) -> str:  # noqa: FBT001 -- private
    referred = root["$defs"].get(option.get("$ref", "").rpartition("/")[2], {})
    sentence = option.get("description") or referred["description"]
    notes = ["required" if required else "optional"]
    if "default" in option:
        notes.append(f"default `{flow(option['default'])}`")
    values = option.get("enum") or ([option["const"]] if "const" in option else option.get("items", {}).get("enum"))
    if values:
        notes.append(
            "one of " + ", ".join(f"`{flow(value)}`" for value in values)
            if len(values) > 1
            else f"always `{values[0]}`"
        )
    if option.get("x-declared") and waits(name):
        notes.append("kept as declared")
    if option.get("x-unit"):
        notes.append(f"unit: {option['x-unit']}")
    example = f"{name}: {flow(option['examples'][0])}"
    return f"- **`{name}`** ({'; '.join(notes)}). {sentence}\n  Example: `{example}`\n"


def main() -> None:
    """Write both files."""
    package = Path(__file__).parent
    (package / "schema.json").write_text(schema_text(), encoding="utf-8")
    (Path(sys.argv[1]) / "plan.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
