"""Errors of pruning."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class PruneNotPlanned(IntendanceError):
    """The adopted plan does not say who prunes, so nothing is ever deleted."""

    next_step = "Write `prune: {{host: NAME}}` into the plan and adopt it; `--dry-run` shows what would go."
    exit_code = Exit.USAGE


class PruneElsewhere(IntendanceError):
    """The adopted plan has {host} prune, and this is {here}."""

    next_step = "Type it on {host}. `--dry-run` shows from here what would go."
    exit_code = Exit.USAGE


class PruneForbiddenHere(IntendanceError):
    """A node under the catalogue maint never deletes its own backups, and this is {here}."""

    next_step = "Prune from a host of the plan (`prune: {{host: NAME}}`) that alone may delete in the stores."
    exit_code = Exit.USAGE


class StoreNotPruned(IntendanceError):
    """This version deletes nothing in the store {store}, which is of kind {kind}."""

    next_step = "Let the store's own lifecycle rules do it, for longer than the plan's retention."
    exit_code = Exit.USAGE


class PruneCountDiffers(IntendanceError):
    """{asset}: you allowed {confirmed} sets to be deleted, and {due} would be. Nothing was deleted."""

    next_step = "Look again (`intendance backup prune {asset} --dry-run`), then give the number that it says."
    exit_code = Exit.USAGE


class PruneNotConfirmed(IntendanceError):
    """Deleting backups of {asset} takes its name: `--confirm {asset}`."""

    next_step = "See first what would go: `intendance backup prune {asset} --dry-run`."
    exit_code = Exit.USAGE


class ClocksApart(IntendanceError):
    """The store {store} says that it is {theirs}, and this machine says {ours}: no age can be told, so nothing goes."""

    next_step = "Set the clock that is wrong (`timedatectl status`), then try again."


class PruneUnproven(IntendanceError):
    """The ledger of {here} tells of no drill of {node}, so it knows neither its key nor a set that can be restored."""

    next_step = "Drill one of its sets from here first: `intendance drill run`. Nothing is deleted without one."


class PruneCancelled(IntendanceError):
    """Pruning {asset} was cancelled. What was deleted until then is recorded; the rest is whole."""

    next_step = "Go on when you like: what was begun is finished first."


class DeleteCredentialsMissing(IntendanceError):
    """The plan has no `delete_credentials` for the store {store}, and those that store may not delete."""

    next_step = "Write `delete_credentials:` under that store, and put the key on the host that prunes alone."
    exit_code = Exit.USAGE
