"""The sentence of each finding of `doctor`, by its code."""

from __future__ import annotations

from datetime import datetime

from intendance.language import dates, durations, sizes
from intendance.language.spoken import part, told
from intendance.language.texts import Translator
from intendance.model.diagnosis import Finding


def said(_: Translator, finding: Finding, zone: str) -> tuple[str, ...]:
    """What a finding says, and how to mend it where no command alone does. Raises KeyError for a code without
    words."""
    sentence = _sentences(_)[finding.code]
    advice = _advice(_).get(finding.code)
    params = _written(_, finding, zone)
    if "detail" in params:
        within = not sentence.startswith("{detail}")
        params["detail"] = part(str(finding.params["detail"]), _.language, within=within)
    more = finding.params.get("advice")
    sentences = tuple(text.format(**params) for text in (sentence, advice) if text and text != "{advice}")
    return (*sentences, told(str(more), _.language)) if more else sentences


def _written(_: Translator, finding: Finding, zone: str) -> dict[str, str | int]:
    """The parameters as people read them: sizes, lengths of time, days."""
    written = dict(finding.params)
    for name, value in finding.params.items():
        if name.endswith("_bytes"):
            written[name] = sizes.size(int(value), _.language)
        elif name.endswith("_s"):
            written[name] = durations.write(int(value), _.language)
        elif name.endswith("_on") and value:
            at = datetime.fromisoformat(str(value))
            written[name] = dates.moment(at, zone, _.language)
        elif name in ("count", "names", "records", "unsigned"):
            written[name] = sizes.number(int(value), _.language)
    return written


def _sentences(_: Translator) -> dict[str, str]:
    return _about_plans(_) | _about_machines(_) | _about_state(_) | _about_keys(_) | _about_stores(_) | _about_assets(_)


def _about_plans(_: Translator) -> dict[str, str]:
    return {
        "plan_none": _("No plan was adopted here and no plan file was found: this is what any plan would need."),
        "plan_invalid": _("The plan file {file} is not valid. Problems: {count}."),
        "plan_refused": _("The plan cannot be read: {detail}."),
        "plan_not_adopted": _("The plan {file} is not in force: nothing of it is performed yet."),
        "plan_differs": _("The plan {file} is another one than the plan in force."),
        "plan_in_force": _("The plan is in force."),
    }


def _about_machines(_: Translator) -> dict[str, str]:
    return {
        "python_fit": _("Python {version} is recent enough."),
        "python_old": _("Python {version} is too old; 3.11 is needed."),
        "clock_kept": _("The clock is synchronised."),
        "clock_free": _("Nothing keeps the clock of this machine right, and every record carries its time."),
        "clock_unknown": _("Whether something keeps the clock of this machine right cannot be seen from here."),
        "program_present": _("{program} is there."),
        "program_missing": _("The program `{program}` is not installed."),
        "program_missing_for_restore": _(
            "The program `{program}` is not installed. Backups do without it; some restores on this machine do not."
        ),
        "program_broken": _("The program `{program}` does not run: {detail}."),
    }


def _about_state(_: Translator) -> dict[str, str]:
    return {
        "state_none": _("There is no state in {path} yet; the first adoption makes it."),
        "state_closed": _("The state folder {path} cannot be looked into: {detail}."),
        "state_not_ours": _("The folder {path} belongs to another user than this one (user id {uid})."),
        "state_open": _("Others than its owner may look into {path}, where the node's keys are (mode {mode})."),
        "state_private": _("The state folder is its owner's alone."),
        "state_room": _("{free_bytes} are free there."),
        "state_low": _("Only {free_bytes} are free for the state in {path}."),
        "state_full": _("Only {free_bytes} are free for the state in {path}: records can soon not be written."),
        "ledger_closed": _("The ledger cannot be opened: {detail}."),
        "ledger_faulty": _("The ledger's newest record does not verify: {detail}."),
        "ledger_unsigned": _("Records that no signature covers yet: {unsigned}. The last signature is {age_s} old."),
        "ledger_sealed": _("The ledger opens ({records} records); its last signature is {age_s} old."),
        "agent_running": _("The agent {version} runs, process {pid}."),
        "agent_silent": _("No agent runs, so nothing is performed when it falls due."),
    }


def _about_keys(_: Translator) -> dict[str, str]:
    return {
        "key_usable": _("{name} ({holder}) never expires."),
        "key_usable_until": _("{name} ({holder}) is good until {expires_on}."),
        "key_expiring": _("The key of {holder} expires in {days} days, on {expires_on}; no backup is made after that."),
        "key_expired": _("The key of {holder} expired on {expires_on}: no backup is made."),
        "key_revoked": _("The key of {holder} is revoked: no backup is made."),
        "key_no_encryption": _("The key of {holder} holds no usable key to encrypt to: no backup is made."),
        "key_unreadable": _("The key of {holder} cannot be read: {detail}."),
        "key_private_here": _(
            "The private half of the key of {holder} is in this user's keyring: whoever takes this machine may open the"
            " backups."
        ),
        "keys_left_behind": _("Private halves that `init` made are still on this machine, in {path}."),
        "holders": _("Held by {holders}."),
        "holders_too_few": _("One person alone holds every key ({holders}): with that person the backups are lost."),
    }


def _about_stores(_: Translator) -> dict[str, str]:
    return {
        "store_answers": _("{name} answers, and lets itself be listed: {place}."),
        "store_answers_with_room": _("{name} answers: {place}; {free_bytes} are free."),
        "store_no_versions": _("The bucket {bucket} keeps no versions: what is written over or deleted is gone."),
        "store_no_locks": _("The bucket {bucket} keeps no locks: who has the right to delete can delete all."),
        "store_locks_unused": _("The bucket {bucket} could lock what is stored, and the plan does not ask it to."),
        "legal_not_locked": _("No store locks what is kept of {name} for the law: somebody could delete it."),
        "store_region_differs": _("The plan says that the bucket is in {declared}, and the bucket says {located}."),
        "store_same_region": _("The store is in the node's own region, {region}: one disaster takes both."),
        "store_usable": _("{name} is marked and can be written to; {free_bytes} are free."),
        "store_low": _("Only {free_bytes} are free in {path} ({share})."),
        "store_read_only": _("The store's folder {path} cannot be written to by this user (user id {uid})."),
        "store_mounted_read_only": _("The store's disk {path} is mounted read-only."),
        "store_refused": _("{detail}."),
        "store_to_be_made": _("The folder {path} is not there yet; the plan's adoption makes it."),
        "store_no_parent": _("The folder {path}, in which the store is to be made, does not exist."),
        "store_same_disk": _("{path} is on the same disk as {sources}: a disk that breaks takes both."),
        "stores_one_disk": _("{path} is on the same disk as the store {others}: together they are one copy."),
    }


def _about_assets(_: Translator) -> dict[str, str]:
    return {
        "asset_readable": _("It can be read."),
        "asset_refused": _("{detail}."),
        "asset_warning": _("{detail}."),
        "grants_missing": _(
            "The account {account} lacks rights; without them a dump would fail or leave something out."
        ),
        "accounts_left_out": _("The account {account} may not read the server's accounts: backups leave them out."),
        "binary_log_kept": _("The binary log is kept, whole and safe."),
        "binary_log_off": _(
            "The server keeps no binary log, so nothing between two backups can be restored ({settings})."
        ),
        "binary_log_weak": _("The server's binary log may lose rows when the machine stops ({settings})."),
        "files_unreadable": _(
            "This user may not read all of {path}. Names that cannot be read: {count}, such as {first}."
        ),
        "tree_empty": _("There is nothing in {path}: is its disk mounted?"),
        "tree_readable": _("{path} can be read, {names} names."),
        "tree_readable_so_far": _("{path} can be read, as far as was looked: {names} names."),
    }


def _advice(_: Translator) -> dict[str, str]:
    """What no command says by itself."""
    return {
        "plan_none": _("Have one proposed by `intendance init`, or write it: the manual's page on plans has examples."),
        "key_private_here": _("See that its holder has it elsewhere, then remove it here."),
        "keys_left_behind": _("Give each holder theirs, then:"),
        "grants_missing": _("As an administrator of the server:"),
        "accounts_left_out": _("As an administrator of the server:"),
        "binary_log_off": _("In a file under `/etc/mysql/mariadb.conf.d/`, then restart the server:"),
        "binary_log_weak": _("In a file under `/etc/mysql/mariadb.conf.d/`, then restart the server:"),
        "key_expiring": _("Its holder lengthens it and gives you its public half; then adopt the plan again:"),
        "key_expired": _("Its holder lengthens it and gives you its public half; then adopt the plan again:"),
        "key_revoked": _("Write the holder's new key into the plan and adopt it."),
        "key_no_encryption": _("Write the holder's new key into the plan and adopt it."),
        "key_unreadable": _("Write the holder's key into the plan again and adopt it."),
        "holders_too_few": _("Have a second person make a key, add it to `backup_recipients`, and adopt the plan."),
        "store_same_disk": _("Name a store on another disk in the plan."),
        "stores_one_disk": _("Name a store on another disk in the plan."),
        "store_no_locks": _("A lock can only be chosen when a bucket is made: make one with Object Lock."),
        "store_locks_unused": _("Write `object_lock: governance` or `compliance` under the store and adopt the plan."),
        "legal_not_locked": _("Add an S3 store with `object_lock` to its stores and adopt the plan."),
        "store_region_differs": _("Write the true region into the plan."),
        "store_same_region": _("Name a store in another region in the plan."),
        "store_low": _("Make room there, or name a larger disk in the plan."),
        "state_low": _("Make room there."),
        "state_full": _("Make room there."),
        "state_not_ours": _("Ask as the user who owns it."),
        "state_closed": _("Ask as the user who owns it."),
        "tree_empty": _("Mount it, or correct the plan."),
    }
