"""What every test may ask for; a family of fixtures is one file of `tests/support/`."""

pytest_plugins = [
    "tests.support.gnupg",
    "tests.support.mariadb",
    "tests.support.physical",
    "tests.support.pipes",
    "tests.support.plans",
    "tests.support.state",
    "tests.support.workshop",
]
