"""What the ledger can say: a closed list of kinds, each with one frozen dataclass for its `data`.

A family of kinds is one file of this folder. Fields hold strings, integers, booleans, None, tuples and dataclasses of
these;
instants are RFC 3339 strings in UTC. A kind that is not in `KINDS` is *undetermined* to every reader, never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from intendance.model.evidence.accounts import AccountChanged, SessionOpened, TokenChanged
from intendance.model.evidence.acts import (
    AlertAcked,
    AlertSilenced,
    AlertUnacked,
    FleetPlanned,
    NodeDecommissioned,
    NodeEnrolled,
    NodeInvited,
    SilenceEnded,
)
from intendance.model.evidence.attested import StoreAttested
from intendance.model.evidence.backup import BackupCompleted, BackupFailed
from intendance.model.evidence.drill import DrillCompleted, DrillFailed
from intendance.model.evidence.fallback import AlertTold
from intendance.model.evidence.filled import StoreFilled
from intendance.model.evidence.finding import FindingSettled
from intendance.model.evidence.gate import GatePassed
from intendance.model.evidence.guide import RestoreGuided
from intendance.model.evidence.heads import HeadsBound
from intendance.model.evidence.heartbeat import HeartbeatsSummed
from intendance.model.evidence.imported import LedgerImported
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.evidence.inventory import InventoryTaken
from intendance.model.evidence.keys import KeyProven
from intendance.model.evidence.lifecycle import AssetDeclared, AssetDropped, Genesis, PlanAdopted
from intendance.model.evidence.locked import StoreLocked
from intendance.model.evidence.probe import StoreProbed
from intendance.model.evidence.prune import PruneBegun, PruneCompleted, PruneMarked
from intendance.model.evidence.restore import RestoreCompleted, RestoreFailed, SiteFailed, SiteRestored
from intendance.model.evidence.run import RunEnded, RunMissed, RunStarted
from intendance.model.evidence.sample import DatabaseExcursion, SampleExcursion, SampleRollup
from intendance.model.evidence.waiver import WaiverGranted, WaiverRevoked

Evidence = (
    Genesis
    | PlanAdopted
    | AssetDeclared
    | AssetDropped
    | BackupCompleted
    | BackupFailed
    | InspectionCompleted
    | InspectionFailed
    | RestoreCompleted
    | RestoreFailed
    | RunStarted
    | RunEnded
    | RunMissed
    | GatePassed
    | WaiverGranted
    | WaiverRevoked
    | InventoryTaken
    | KeyProven
    | SampleRollup
    | SampleExcursion
    | DatabaseExcursion
    | SiteRestored
    | SiteFailed
    | StoreProbed
    | PruneMarked
    | PruneBegun
    | PruneCompleted
    | DrillCompleted
    | DrillFailed
    | AccountChanged
    | SessionOpened
    | LedgerImported
    | StoreAttested
    | StoreFilled
    | StoreLocked
    | TokenChanged
    | RestoreGuided
    | HeartbeatsSummed
    | FindingSettled
    | HeadsBound
    | AlertTold
    | AlertAcked
    | AlertUnacked
    | AlertSilenced
    | SilenceEnded
    | FleetPlanned
    | NodeEnrolled
    | NodeInvited
    | NodeDecommissioned
)

KINDS: Mapping[str, type[Evidence]] = MappingProxyType(
    {
        "genesis": Genesis,
        "plan.adopted": PlanAdopted,
        "asset.declared": AssetDeclared,
        "asset.dropped": AssetDropped,
        "backup.completed": BackupCompleted,
        "backup.failed": BackupFailed,
        "inspection.completed": InspectionCompleted,
        "inspection.failed": InspectionFailed,
        "restore.completed": RestoreCompleted,
        "restore.failed": RestoreFailed,
        "run.started": RunStarted,
        "run.ended": RunEnded,
        "run.missed": RunMissed,
        "gate.passed": GatePassed,
        "waiver.granted": WaiverGranted,
        "waiver.revoked": WaiverRevoked,
        "account.changed": AccountChanged,
        "session.opened": SessionOpened,
        "token.changed": TokenChanged,
        "heartbeat.summed": HeartbeatsSummed,
        "finding.settled": FindingSettled,
        "heads.bound": HeadsBound,
        "inventory.taken": InventoryTaken,
        "key.proven": KeyProven,
        "sample.rollup": SampleRollup,
        "sample.excursion": SampleExcursion,
        "sample.database": DatabaseExcursion,
        "site.restored": SiteRestored,
        "site.failed": SiteFailed,
        "store.probed": StoreProbed,
        "prune.marked": PruneMarked,
        "prune.begun": PruneBegun,
        "prune.completed": PruneCompleted,
        "drill.completed": DrillCompleted,
        "drill.failed": DrillFailed,
        "ledger.imported": LedgerImported,
        "store.attested": StoreAttested,
        "store.filled": StoreFilled,
        "store.locked": StoreLocked,
        "restore.guided": RestoreGuided,
        "alert.told": AlertTold,
        "alert.acked": AlertAcked,
        "alert.unacked": AlertUnacked,
        "alert.silenced": AlertSilenced,
        "silence.ended": SilenceEnded,
        "fleet.planned": FleetPlanned,
        "node.invited": NodeInvited,
        "node.enrolled": NodeEnrolled,
        "node.decommissioned": NodeDecommissioned,
    }
)

KIND_OF: Mapping[type[Evidence], str] = MappingProxyType({shape: kind for kind, shape in KINDS.items()})
