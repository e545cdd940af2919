"""Where backups are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import AbsolutePath, Bucket, Host, HostKey, Line, Url
from intendance.plan.schema.keys import SecretReference


class DirectoryStore(Group):
    """A folder that takes backups: another disk, or a mounted share."""

    kind: Literal["directory"] = option("What kind of store this is.", example="directory")
    path: AbsolutePath = option(
        "The folder; adopting the plan makes and marks it when its parent stands.", example="/var/backups/intendance"
    )


class S3Store(Group):
    """A bucket of an object store that speaks S3."""

    kind: Literal["s3"] = option("What kind of store this is.", example="s3")
    bucket: Bucket = option("The bucket's name.", example="asbl-backups")
    region: Line = optional("The region, as the provider names it.", example="eu-central-1")
    endpoint: Url = optional(
        "Where the provider listens; left out, it is Amazon's own for the region.",
        example="https://s3.eu-central-1.example.org",
    )
    object_lock: Literal["governance", "compliance"] = optional(
        "How the bucket keeps objects from being erased before their time.", example="governance"
    )
    credentials: SecretReference = option(
        "The access key, in the form of AWS's own credentials file.", example={"file": "/etc/intendance/s3.ini"}
    )
    delete_credentials: SecretReference = optional(
        "The access key that may delete versions: on the host that prunes, and nowhere else.",
        example={"file": "~/s3-delete.ini"},
    )


class SftpStore(Group):
    """A folder on another machine, reached by SSH."""

    kind: Literal["sftp"] = option("What kind of store this is.", example="sftp")
    host: Host = option("The machine's name or address.", example="backup.example.org")
    port: Annotated[int, Field(ge=1, le=65535)] = optional("Its port; 22 if left out.", example=2222, unit="TCP port")
    user: Line = option("The user who logs in.", example="intendance")
    path: AbsolutePath = option(
        "The folder on that machine; adopting the plan makes and marks it when its parent stands.",
        example="/srv/backups/web-01",
    )
    host_key: HostKey = option(
        "That machine's own public key, as `ssh-keyscan` prints it; a machine that shows another gets nothing.",
        example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmnEJ0mOZ1kSYMnqLmXvS3GZ1oS6hZRk5GmBoVh4yHb",
    )
    credentials: SecretReference = option(
        "The private SSH key that logs in; it has no passphrase.", example={"file": "/etc/intendance/sftp.key"}
    )
    delete_credentials: SecretReference = optional(
        "The private SSH key that may delete: on the host that prunes, and nowhere else.",
        example={"file": "~/sftp-delete.key"},
    )
    delete_user: Line = optional("The user whom that key logs in, if it is another one.", example="intendance-prune")


Store = Annotated[DirectoryStore | S3Store | SftpStore, Field(discriminator="kind")]
