"""What every test may ask for; a family of fixtures is one file of `tests/support/`."""

import os
import signal

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# How long an example takes, or is made, says how busy the machine is, not whether the code is right: `./dev bench`
# holds speed. A test that suppresses more names this one again: its list takes the place of the profile's.
BUSY = [HealthCheck.too_slow]
settings.register_profile("house", deadline=None, suppress_health_check=BUSY)
# The same examples each time: a submission is judged by what it changed. New ones are looked for at everybody's desk.
settings.register_profile(
    "submission", deadline=None, derandomize=True, database=None, print_blob=True, suppress_health_check=BUSY
)
if os.environ.get("CI") == "true":
    # Hypothesis draws constants of the modules that are loaded too. A worker has loaded what its tests asked for,
    # and every change of ours changes some constant: neither is to choose the examples (`house/test_submission.py`).
    settings.load_profile("submission")
    _NO_CONSTANTS = Constants()
    providers._get_local_constants = lambda: _NO_CONSTANTS
else:
    settings.load_profile("house")

# Whoever starts the tests may have a terminal of forty columns, and speak French: what is typed in this process is
# answered to somebody who has neither, as what is started is (`tests/support/warm.py`).
for name in ("COLUMNS", "LINES", "LANGUAGE", "CLICOLOR_FORCE", "FORCE_COLOR", "GNUPGHOME"):
    os.environ.pop(name, None)
os.environ["LC_ALL"] = "C.UTF-8"

# A shell that starts the tests in the background has them ignore an interrupt, and so would all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.support.postgresql",  # before those that import it
    "tests.support.fleet",
    "tests.support.gnupg",
    "tests.support.mail",
    "tests.support.mariadb",
    "tests.support.state",  # as the first
    "tests.support.physical",
    "tests.support.pipes",
    "tests.support.plans",
    "tests.support.radosgw",
    "tests.support.sshd",
    "tests.support.workshop",
]
