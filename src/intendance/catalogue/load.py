"""Reading the rules from the package's YAML."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import msgspec
import yaml

from intendance.catalogue.rule import ReasonText, Rule, Rulebook, Text

CATALOGUES = ("maint", "asbl")


def load(folder: Traversable | None = None) -> Rulebook:
    """All rules; about 25 ms. `folder` holds `reasons.yaml` and `rules/*.yaml` (default: the package's own).

    Raises ValueError, naming the file, when an entry is not a rule or an id occurs twice.
    """
    place = folder or files("intendance.catalogue")
    common = _convert(_parse(place / "reasons.yaml"), dict[str, ReasonText], "reasons.yaml")
    families: dict[str, Text] = {}
    found: dict[str, Rule] = {}
    for source in sorted((place / "rules").iterdir(), key=lambda each: each.name):
        family = source.name.removesuffix(".yaml")
        content = _parse(source)
        families[family] = _convert(content["family"], Text, source.name)
        entries = [{"catalogue": _catalogue_of(entry), "family": family, **entry} for entry in content["rules"]]
        for rule in _convert(entries, list[Rule], source.name):
            if rule.id in found:
                raise ValueError(f"{source.name}: {rule.id} stands in {found[rule.id].family}.yaml too")
            found[rule.id] = rule
    ordered = sorted(found.values(), key=lambda rule: (CATALOGUES.index(rule.catalogue), rule.id))
    return Rulebook(rules={rule.id: rule for rule in ordered}, families=families, common=common)


def _parse(source: Traversable) -> Any:
    return yaml.load(source.read_bytes(), Loader=yaml.CSafeLoader)


def _convert(content: Any, shape: Any, name: str) -> Any:
    try:
        return msgspec.convert(content, shape)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from None


def _catalogue_of(entry: dict[str, Any]) -> str:
    return str(entry.get("id", "")).partition("_")[0].lower()
