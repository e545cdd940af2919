"""Parts into a bucket on a private radosgw, beside boto3's own `put_object` and `upload_file` of the same bytes.

Limits (issue "Off-site"): at most 1.2 times a plain boto3 upload in the same run, and a process below 130 MiB, whatever
the size.

The bytes are random, since parts are ciphertext, in files of 64 MiB, which a backup's parts have. Each contender
uploads all of them in a process of its own and says its processor time and greatest resident memory. Ours has two under
way, as a backup's pipe has: it hashes (SHA-256 and MD5), waits on disk, sends and looks. `put_object` sends one after
the other, `upload_file` pieces of 8 MiB in ten threads; both read the same files from disk. Then the product backs all
of them up, and its worker's memory counts too.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import measure
from benchmarks.contenders import PLACE, plan_of
from tests.support.gnupg import make_holder, private_home
from tests.support.memory import Peaks
from tests.support.radosgw import Shelf, lack, make_shelf, running

PART_BYTES = 64 << 20
LIMIT_RATIO, LIMIT_MEMORY_MIB = 1.2, 130.0

_OURS = r"""
import json, os, re, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from intendance.model.plan import S3Store, SecretReference
from intendance.stores import Use, open_store
told, files, prefix = json.loads(sys.argv[1]), sys.argv[3:], sys.argv[2]
credentials = SecretReference(file=told["credentials"])
store = open_store(S3Store(name="s", bucket=told["bucket"], region=told["region"], endpoint=told["endpoint"],
                           credentials=credentials), Use(spool=Path(told["spool"])))
list(store.list("none"))
def put(file):
    with open(file, "rb", buffering=0) as source:
        store.put(f"{prefix}/{Path(file).name}", iter(lambda: source.read(1 << 20), b""))
began, cpu_began = time.perf_counter(), sum(os.times()[:2])
with ThreadPoolExecutor(2) as two:
    list(two.map(put, files))
taken, cpu = time.perf_counter() - began, sum(os.times()[:2]) - cpu_began
peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
print(json.dumps([taken, cpu, int(peak) / 1024]))
"""

_BOTO = r"""
import json, os, re, sys, time, configparser
from pathlib import Path
import boto3
from botocore.config import Config
told, files, prefix, way = json.loads(sys.argv[1]), sys.argv[3:], sys.argv[2], {way!r}
ini = configparser.ConfigParser(); ini.read(told["credentials"]); key = ini["default"]
s3 = boto3.client("s3", endpoint_url=told["endpoint"], region_name=told["region"],
                  aws_access_key_id=key["aws_access_key_id"], aws_secret_access_key=key["aws_secret_access_key"],
                  config=Config(s3={{"addressing_style": "path"}}))
s3.list_objects_v2(Bucket=told["bucket"], Prefix="none")
began, cpu_began = time.perf_counter(), sum(os.times()[:2])
for file in files:
    name = f"{{prefix}}/{{Path(file).name}}"
    if way == "upload_file":
        s3.upload_file(file, told["bucket"], name)
    else:
        with open(file, "rb") as source:
            s3.put_object(Bucket=told["bucket"], Key=name, Body=source)
taken, cpu = time.perf_counter() - began, sum(os.times()[:2]) - cpu_began
peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
print(json.dumps([taken, cpu, int(peak) / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """What one contender took for all files."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


SCRIPTS = {
    "intendance": _OURS,
    "boto3 put_object": _BOTO.format(way="put_object"),
    "boto3 upload_file": _BOTO.format(way="upload_file"),
}


def main() -> int:
    parser = measure.options("s3", __doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024, help="what is uploaded in each round")
    options = parser.parse_args()
    if sentence := lack():
        print(f"bench s3: {sentence}", file=sys.stderr)
        return 1
    PLACE.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="s3-", dir=PLACE))
    try:
        return _judge(*_measure(work, options.rounds, options.mib), options.mib)
    finally:
        shutil.rmtree(work)


def _measure(work: Path, rounds: int, mib: int) -> tuple[dict[str, list[Upload]], float]:
    folder = work / "parts"
    folder.mkdir()
    files = [str(folder / f"part-{number:05}") for number in range(max(1, (mib << 20) // PART_BYTES))]
    for file in files:
        Path(file).write_bytes(os.urandom(PART_BYTES))
    found: dict[str, list[Upload]] = {name: [] for name in SCRIPTS}
    names = list(SCRIPTS)
    for number in range(rounds):  # a gateway for each: what was uploaded and deleted fills its disk for hours
        with running(work / f"rgw-{number}") as gateway:
            for name in (*names[number % len(names) :], *names[: number % len(names)]):  # nobody is always first
                shelf = make_shelf(gateway, work / "users")
                told = {
                    "bucket": shelf.bucket,
                    "region": gateway.region,
                    "endpoint": gateway.endpoint,
                    "spool": str(work),
                    "credentials": str(shelf.credentials(shelf.owner)),
                }
                argv = [sys.executable, "-c", SCRIPTS[name], json.dumps(told), f"r{number}", *files]
                said = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
                found[name].append(Upload(*json.loads(said)))
    with running(work / "rgw") as gateway:
        worker_mib = _worker(work, make_shelf(gateway, work / "users"), folder)
    return found, worker_mib


def _worker(work: Path, shelf: Shelf, folder: Path) -> float:
    """The greatest resident memory, in MiB, of the worker of a whole backup of these files into the bucket."""
    with private_home() as home, private_home() as other:
        holders = [make_holder(home, "owner"), make_holder(other, "offline")]
        gateway, credentials = shelf.gateway, {"file": str(shelf.credentials(shelf.appender))}
        place = {"bucket": shelf.bucket, "region": gateway.region, "endpoint": gateway.endpoint}
        store = {"kind": "s3", "credentials": credentials, **place}
        plan, state = work / "intendance.yaml", work / "state"
        plan.write_text(yaml.safe_dump(plan_of(folder, holders, store, work)))
        intendance = [sys.executable, "-m", "intendance", "--state", str(state)]
        subprocess.run([*intendance, "plan", "adopt", str(plan)], check=True, stdout=subprocess.DEVNULL)
        command = [*intendance, "backup", "run", "tree", "--kind", "full", "--no-inspect"]
        running_backup = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with Peaks(running_backup.pid) as watch:
            code = running_backup.wait()
        if code != 0:
            raise ChildProcessError(f"{command}: {code}")
        return max(watch.of("python"))  # of the command and its worker, the worker


def _judge(found: dict[str, list[Upload]], worker_mib: float, mib: int) -> int:
    print(
        f"{mib} MiB in parts of 64 MiB to radosgw on this machine; {measure.machine()}; load {os.getloadavg()[0]:.1f}"
    )
    plain = statistics.median(each.seconds for each in found["boto3 put_object"])
    for name, rounds in found.items():
        median = statistics.median(each.seconds for each in rounds)
        cpu = statistics.median(each.cpu_seconds for each in rounds)
        memory = max(each.peak_mib for each in rounds)
        print(f"  {name:18} {median:7.2f} s  {mib / median:6.0f} MiB/s  {median / plain:5.2f} x  ", end="")
        print(f"{cpu:6.2f} s of processor  {memory:5.0f} MiB resident")
    print(f"  the worker of a whole backup of these files: {worker_mib:.0f} MiB resident")
    ours = statistics.median(each.seconds for each in found["intendance"])
    memory = max(worker_mib, *(each.peak_mib for each in found["intendance"]))
    held = ours <= LIMIT_RATIO * plain and memory <= LIMIT_MEMORY_MIB
    print(f"limits: {LIMIT_RATIO} x boto3's put_object, {LIMIT_MEMORY_MIB:.0f} MiB: {'held' if held else 'NOT HELD'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
