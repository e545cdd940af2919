"""What every test may ask for; a family of fixtures is one file of `tests/support/`."""

import os

from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right: `./dev bench` holds speed.
settings.register_profile("house", deadline=None)
# The same examples each time: a submission is judged by what it changed. New ones are looked for at everybody's desk.
settings.register_profile("submission", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("submission" if os.environ.get("CI") == "true" else "house")

pytest_plugins = [
    "tests.support.postgresql",  # before those that import it
    "tests.support.fleet",
    "tests.support.gnupg",
    "tests.support.mail",
    "tests.support.mariadb",
    "tests.support.physical",
    "tests.support.pipes",
    "tests.support.plans",
    "tests.support.radosgw",
    "tests.support.sshd",
    "tests.support.state",
    "tests.support.workshop",
]
