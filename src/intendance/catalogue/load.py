"""Reading the rules: from the package's YAML, or faster from `compiled.json`, as long as it was made from that YAML."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from intendance.catalogue.rule import ReasonText, Rule, Rulebook, Text
from intendance.model.frozen import dataclass

CATALOGUES = ("maint", "asbl")
COMPILED = "compiled.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiled:
    """What `compiled.json` holds: the rules, and the SHA-256 of the YAML that they were read from."""

    sources_sha256: str
    common: dict[str, ReasonText]
    families: dict[str, Text]
    rules: list[Rule]


def load(folder: Path | None = None) -> Rulebook:
    """All rules; about 3 ms, 45 ms when they have to be read from YAML.

    `folder` holds `reasons.yaml` and `rules/*.yaml` (default: the package's own). Raises ValueError, naming the file,
    when an entry is not a rule or an id occurs twice.
    """
    place = folder or Path(__file__).parent
    sources = _sources(place)
    found = _compiled(place, _digest(sources)) or _read(sources)
    return Rulebook(
        rules={rule.id: rule for rule in found.rules},
        families=found.families,
        common=found.common,
    )


def compiled(folder: Path | None = None) -> str:
    """The content of `compiled.json`: one rule on a line. Raises ValueError as `load` does."""
    read = _read(_sources(folder or Path(__file__).parent))
    head = msgspec.to_builtins(read)
    rules = ",\n".join(_json(rule) for rule in head.pop("rules"))
    return f'{_json(head)[:-1]},"rules":[\n{rules}\n]}}\n'


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _sources(place: Path) -> Mapping[str, bytes]:
    """The YAML files by name, the common reasons first."""
    rules = sorted((place / "rules").iterdir(), key=lambda each: each.name)
    return {each.name: each.read_bytes() for each in (place / "reasons.yaml", *rules)}


def _digest(sources: Mapping[str, bytes]) -> str:
    whole = sha256()
    for name, content in sources.items():
        whole.update(f"{name} {len(content)}\n".encode() + content)
    return whole.hexdigest()


def _compiled(place: Path, sources_sha256: str) -> _Compiled | None:
    """The compiled rules if they are those of the sources: what was edited since counts, not what was compiled."""
    try:
        found = msgspec.json.decode((place / COMPILED).read_bytes(), type=_Compiled)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return found if found.sources_sha256 == sources_sha256 else None


def _read(sources: Mapping[str, bytes]) -> _Compiled:
    (reasons, common), *families_of_rules = sources.items()
    families: dict[str, Text] = {}
    found: dict[str, Rule] = {}
    for name, content in families_of_rules:
        family = name.removesuffix(".yaml")
        parsed = _parse(content)
        families[family] = _convert(parsed["family"], Text, name)
        shared = {"family": family, "group": parsed.get("group")}
        entries = [{"catalogue": _catalogue_of(entry), **shared, **entry} for entry in parsed["rules"]]
        for rule in _convert(entries, list[Rule], name):
            if rule.id in found:
                raise ValueError(f"{name}: {rule.id} stands in {found[rule.id].family}.yaml too")
            found[rule.id] = rule
    return _Compiled(
        sources_sha256=_digest(sources),
        common=_convert(_parse(common), dict[str, ReasonText], reasons),
        families=families,
        rules=sorted(found.values(), key=lambda rule: (CATALOGUES.index(rule.catalogue), rule.id)),
    )


def _parse(content: bytes) -> Any:
    import yaml  # 15 ms that nobody waits for while the rules are compiled

    return yaml.load(content, Loader=yaml.CSafeLoader)


def _convert(content: Any, shape: Any, name: str) -> Any:
    try:
        return msgspec.convert(content, shape)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from None


def _catalogue_of(entry: dict[str, Any]) -> str:
    return str(entry.get("id", "")).partition("_")[0].lower()
