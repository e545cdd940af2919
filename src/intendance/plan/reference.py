"""Files generated from the declaration of options: `schema.json` and the reference page `docs/plan.md`.

`python -m intendance.plan.reference DOCS_FOLDER` writes both; a test says when they are stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intendance.plan.load import published_schema
from intendance.plan.shape import flow

Schema = Mapping[str, Any]

_HEAD = """\
# The plan, `intendance.yaml`

<!-- Generated from src/intendance/plan/schema/: `python -m intendance.plan.reference docs`. Change it there. -->

One file says how a node must be maintained. `intendance plan check` tells everything that is wrong with it, with line
and column and what to write instead; `intendance plan show` tells what will happen, when and where;
`intendance plan adopt` puts it in force and records that in the ledger. Editors complete and check it with
`intendance plan schema > intendance.schema.json` and this first line in the file:

```yaml
# yaml-language-server: $schema=intendance.schema.json
```

Whole plans: [one small site](examples/site.yaml), [both catalogues](examples/both-catalogues.yaml),
[files alone](examples/files.yaml).

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
    sections = [_HEAD, *_section("The whole file", schema, schema, later_title="Not performed by this version")]
    for title, place, definition in _GROUPS:
        sections += _section(f"`{title}`", schema["$defs"][definition], schema, place=place)
    return "\n".join(sections).rstrip() + "\n"


_GROUPS = (
    ("organisation", "", "Organisation"),
    ("node", "", "Node"),
    ("keys", "", "Keys"),
    ("keys.backup_recipients", "each item of the list", "BackupRecipient"),
    ("stores.NAME", "", "DirectoryStore"),
    ("contacts.NAME", "", "Contact"),
    ("assets.NAME, kind: mariadb", "", "MariadbAsset"),
    ("assets.NAME.connect", "", "MariadbConnection"),
    ("assets.NAME.connect.credentials", "", "SecretReference"),
    ("assets.NAME.backup of a mariadb", "", "MariadbBackup"),
    ("assets.NAME, kind: files", "", "FilesAsset"),
    ("assets.NAME.backup of files", "", "FilesBackup"),
    ("assets.NAME, kind: sqlite", "", "SqliteAsset"),
    ("assets.NAME.backup of a sqlite", "", "SqliteBackup"),
    ("logical, physical, full", "", "BackupSchedule"),
    ("inspect", "", "Inspection"),
    ("retention", "", "Retention"),
)


def _section(title: str, group: Schema, root: Schema, *, place: str = "", later_title: str = "") -> Iterator[str]:
    yield f"## {title}\n"
    yield group["description"] + (f" ({place[0].upper()}{place[1:]}.)" if place else "") + "\n"
    choices = [f"`{entry['required'][0]}`" for entry in group.get("oneOf", ())]
    if choices:
        yield f"Exactly one of {', '.join(choices)} is written.\n"
    for name, option in group["properties"].items():
        yield _option(name, option, name in group.get("required", ()), root)
    later = group.get("x-later")
    if later:
        listed = ", ".join(f"`{name}`" for name in later)
        yield f"{later_title or 'Not performed by this version'}, and refused until one does: {listed}.\n"


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
