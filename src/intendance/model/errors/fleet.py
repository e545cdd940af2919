"""Errors of the fleet manager and of what nodes say to it."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class DatabaseAddressUnusable(IntendanceError):
    """The address given with `--database` cannot be used: {detail}."""

    next_step = "Write it as `postgresql://USER@HOST/NAME`, or leave the option out: SQLite then keeps the state."
    exit_code = Exit.USAGE


class DatabaseUnreachable(IntendanceError):
    """The manager's database {where} cannot be used now: {detail}."""

    next_step = "See that it runs, has room and lets this user in. What was acknowledged to nodes is kept."
    transient = True


class BeatUnwritten(IntendanceError):
    """The manager hears this node, and has not been able to write anything since {since}."""

    next_step = "Nothing is to be done here: the node keeps its beats and tells them again. Make room on the manager."
    transient = True


class DatabaseTooNew(IntendanceError):
    """The manager's database was changed by a newer version of Intendance (its tables are at {revision})."""

    next_step = (
        "Start that version again, or put back the copy that it made before: `manager/backups/` in the state folder."
    )


class MessageMalformed(IntendanceError):
    """A message between node and manager cannot be read: {detail}."""

    next_step = "Let both run the same version of Intendance; the manager is brought up to date first."


class MessageTooLarge(IntendanceError):
    """A message to the manager has more than {limit} bytes."""

    next_step = "Send less at once: agents keep within it by themselves."


class TokenMalformed(IntendanceError):
    """What was given is not an enrolment token of Intendance."""

    next_step = "Give the one line that `intendance node enroll NODE` printed on the manager, all of it."
    exit_code = Exit.USAGE


class TokenRefused(IntendanceError):
    """The enrolment token was refused: {detail}."""

    next_step = "Let an administrator make another on the manager: `intendance node enroll NODE`."
    exit_code = Exit.USAGE


class ProofRefused(IntendanceError):
    """The node {node} did not prove that it holds its ledger's key: {detail}."""

    next_step = "Look at the node's ledger first: `intendance ledger verify` there."


class NodeKnown(IntendanceError):
    """The node {node} is enrolled already with the key {known}; the one that asks has the key {asking}."""

    next_step = (
        "If it is the same machine, made anew, an administrator who sees both says so on the manager: "
        "`intendance node enroll {node} --key {asking}`."
    )


class NodeNotEnrolled(IntendanceError):
    """No node {node} was ever enrolled here{suggestion}"""

    next_step = "See them all with `intendance node list`."
    exit_code = Exit.USAGE


class NotEnrolled(IntendanceError):
    """The manager does not know who speaks, or lets them speak no more."""

    next_step = "On the node: `intendance node join URL --token FILE`, with a token made on the manager."


class SpeaksForAnother(IntendanceError):
    """The node {node} spoke in the name of another."""

    next_step = "See who else holds a copy of that node's state folder, and enrol it again."


class BeatReplayed(IntendanceError):
    """The node {node} sent a heartbeat that is older than the last one."""

    next_step = "See whether two machines run with copies of one state folder."


class EvidenceRefused(IntendanceError):
    """Records of the node {node} were refused: {detail}."""

    next_step = "Look at both sides: `intendance ledger verify` on the node, `intendance node list` on the manager."


class EvidenceExcessive(IntendanceError):
    """The node {node} sends more than the manager keeps of one node: {detail}."""

    next_step = (
        "See what fills its ledger: `intendance ledger show` there. What was refused waits on the node and is taken "
        "the next day (UTC); its heartbeats count all the while."
    )
    transient = True


class LedgerCopyDiffers(IntendanceError):
    """What is kept here of the ledger of {node} is not what it signed: {detail}."""

    next_step = (
        "Change nothing in the database. Put back its last sound copy, or let the node itself prove the record: "
        "`intendance ledger show` there."
    )


class EvidenceSenseless(IntendanceError):
    """What the node {node} says in its ledger cannot be judged: {detail}."""

    next_step = "Verify its ledger with `intendance ledger verify`; see who holds its key, or report what it says."
    exit_code = Exit.UNKNOWN


class FleetOfAnother(IntendanceError):
    """This manager keeps the fleet {kept}, and the plan is of the fleet {named}."""

    next_step = "Name the plan of {kept}, or another state folder for {named} with `--state`."
    exit_code = Exit.USAGE


class NoManagerState(IntendanceError):
    """There is no manager's state in {state}."""

    next_step = "Run this on the manager's machine, with its `--state`; `intendance manager` makes one."
    exit_code = Exit.USAGE


class ListeningRefused(IntendanceError):
    """The manager cannot listen on `{host}:{port}`: the address is taken, or this user may not."""

    next_step = "Name another with `--listen HOST:PORT`, or see who listens there: `ss -tlnp`."


class CertificateUnusable(IntendanceError):
    """The certificate {path} cannot be used: {detail}."""

    next_step = "Give the certificate with its chain as `--tls-cert` and its key as `--tls-key`, both in PEM."
    exit_code = Exit.USAGE


class ManagerUnreachable(IntendanceError):
    """The manager does not answer at {url}: {detail}."""

    next_step = "See that it runs and that nothing in between closes the port. Beats and evidence wait here meanwhile."
    transient = True


class ManagerRefused(IntendanceError):
    """The manager refused: {detail}"""

    next_step = "{remedy}"


class ManagerUnproven(IntendanceError):
    """The machine that answers at {url} does not show the certificate authority that the token names."""

    next_step = "Nothing was sent to it. See that the address is the manager's, and that the token was made there."


class NotJoined(IntendanceError):
    """The node of {state} belongs to no fleet manager."""

    next_step = "On the manager: `intendance node enroll NODE`; here: `intendance node join URL --token FILE`."
    exit_code = Exit.USAGE
