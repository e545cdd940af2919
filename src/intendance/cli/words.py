"""The words of a command line: which nouns there are, what may stand where, and a plain `status` or `backup run` read
as it stands.

Typer takes longer to import than `status` to answer, and a tenth of a differential in which nothing changed. Words that
leave any doubt are left to it, and so is saying what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from intendance.model.frozen import dataclass

# noun -> (module with `register(root)`, one line of help)
NOUNS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "init": ("intendance.cli.init", "Write a first plan from what stands on this machine."),
        "status": ("intendance.cli.status_command", "Which rules hold, since when, and what to do about the others."),
        "plan": ("intendance.cli.plan", "Check, show, compare and adopt a maintenance plan."),
        "rules": ("intendance.cli.rules", "List the rules and read one in full."),
        "waiver": ("intendance.cli.waiver", "Who answers for a broken rule, and until when."),
        "backup": ("intendance.cli.backup", "Make, list, show and inspect backups."),
        "restore": ("intendance.cli.restore", "Restore a backup beside the original, or guided into its place."),
        "store": ("intendance.cli.store", "What the stores let us do, and where they stand."),
        "drill": ("intendance.cli.drill", "Try a restore elsewhere, compare it, and throw it away."),
        "keys": ("intendance.cli.keys", "Who can open the backups, and the proof that they still can."),
        "run": ("intendance.cli.run", "Executions of activities: list, show, cancel."),
        "ledger": ("intendance.cli.ledger", "Show and verify the record of everything done."),
        "doctor": ("intendance.cli.doctor", "Whether this machine can perform the plan, and what mends what it lacks."),
        "gate": ("intendance.cli.gate", "Whether a delivery may go ahead: for pipelines."),
        "node": ("intendance.cli.node", "Who belongs to the fleet, and how a node joins or leaves it."),
        "user": ("intendance.cli.user", "Who may log in to the manager's pages."),
        "alert": ("intendance.cli.alert", "What is wrong now, who was told, and who has it in hand."),
        "token": ("intendance.cli.token", "What programs may ask the manager, and until when."),
        "manager": ("intendance.cli.manager", "Run the manager that hears every node of a fleet."),
        "witness": (
            "intendance.cli.witness",
            "Cosign other machines' logs, so that none of them is rolled back unseen.",
        ),
        "up": ("intendance.cli.up", "Run agent and manager on this machine, together."),
        "agent": ("intendance.cli.agent", "Run the agent that performs the plan on this node."),
    }
)

GLOBAL_OPTIONS = ("--plan", "--state", "--lang")
_OPTIONS = ("--asset", "--rule")
_SWITCHES = ("--all", "--json")
_BACKUP_SWITCHES = ("--no-inspect", "--json")

BACKUP_KINDS = ("logical", "physical", "full", "differential")
"""The kinds of backups that `backup run --kind` takes."""


def hoist(arguments: Sequence[str]) -> list[str]:
    """Global options moved to the front, so that they may stand anywhere before `--`."""
    front: list[str] = []
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            rest += [word, *remaining]
            break
        if word in GLOBAL_OPTIONS and remaining:
            front += [word, remaining.pop(0)]
        elif word.startswith(tuple(f"{option}=" for option in GLOBAL_OPTIONS)):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def noun_of(arguments: Sequence[str]) -> str | None:
    """The noun that hoisted arguments name, if any."""
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in GLOBAL_OPTIONS:
            skip = True
        elif not word.startswith("-"):
            return word if word in NOUNS else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What `status` is asked: of one asset, of one rule, with the rules not performed too, for machines."""

    asset: str | None = None
    rule: str | None = None
    everything: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A plain `status`, with the global options as they were given."""

    plan: Path | None
    state: Path | None
    lang: str | None
    question: Question


def plainly_asked(words: Sequence[str]) -> Asked | None:
    """What a plain `status` asks, its global options in front; None for any other words."""
    remaining = list(words)
    front = _taken(remaining, GLOBAL_OPTIONS, ())
    if not remaining or remaining.pop(0) != "status":
        return None
    rest = _taken(remaining, _OPTIONS, _SWITCHES)
    if remaining:
        return None
    return Asked(
        plan=Path(front["--plan"]) if "--plan" in front else None,
        state=Path(front["--state"]) if "--state" in front else None,
        lang=front.get("--lang"),
        question=Question(
            asset=rest.get("--asset"), rule=rest.get("--rule"), everything="--all" in rest, json="--json" in rest
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAsked:
    """A plain `backup run`: of one asset, of one kind, not looked at afterwards, for machines; and the global
    options."""

    plan: Path | None = None
    state: Path | None = None
    lang: str | None = None
    asset: str | None = None
    kind: str | None = None
    inspected: bool = True
    json: bool = False


def backup_asked(words: Sequence[str]) -> Mapping[str, str] | None:
    """The global options of words that will make a backup unless Typer finds fault with them; None for any others."""
    remaining = list(words)
    front = _taken(remaining, GLOBAL_OPTIONS, ())
    return front if remaining[:2] == ["backup", "run"] and "--help" not in remaining else None


def backup_plainly_asked(words: Sequence[str]) -> BackupAsked | None:
    """What a plain `backup run` asks, its global options in front; None for any other words."""
    remaining = list(words)
    front = _taken(remaining, GLOBAL_OPTIONS, ())
    if remaining[:2] != ["backup", "run"]:
        return None
    del remaining[:2]
    rest = _taken(remaining, ("--kind",), _BACKUP_SWITCHES)
    asset = remaining.pop(0) if remaining and remaining[0] and remaining[0][0] != "-" else None
    rest |= _taken(remaining, ("--kind",), _BACKUP_SWITCHES)
    if remaining or rest.get("--kind", BACKUP_KINDS[0]) not in BACKUP_KINDS:
        return None
    return BackupAsked(
        plan=Path(front["--plan"]) if "--plan" in front else None,
        state=Path(front["--state"]) if "--state" in front else None,
        lang=front.get("--lang"),
        asset=asset,
        kind=rest.get("--kind"),
        inspected="--no-inspect" not in rest,
        json="--json" in rest,
    )


def _taken(remaining: list[str], options: Sequence[str], switches: Sequence[str]) -> dict[str, str]:
    """Options taken from the front of the words, the last of each as it counts; what is in doubt stays there."""
    found: dict[str, str] = {}
    while remaining:
        name, joined, value = remaining[0].partition("=")
        if (name in switches and not joined) or (name in options and joined and value):
            remaining.pop(0)
        elif name in options and not joined and len(remaining) > 1 and remaining[1] and remaining[1][0] != "-":
            value = remaining[1]
            del remaining[:2]
        else:
            break
        found[name] = value
    return found
