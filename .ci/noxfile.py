"""The tests on every Python that the package supports: ``nox -f .ci/noxfile.py``.

What follows ``--`` goes to pytest: ``nox -f .ci/noxfile.py -s tests-3.12 -- -m "not slow"``.
"""

import nox

nox.options.default_venv_backend = "venv"


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Install the package with its tests in a new environment and run them."""
    run_tests(session)


@nox.session(python="3.10")
def oldest_theano(session: nox.Session) -> None:
    """Run the tests with the oldest versions beside Theano that setup.py admits."""
    run_tests(session, "numpy==1.21.*", "scipy==1.7.*", "six==1.12.*")


@nox.session(python="3.12")
def oldest_pytensor(session: nox.Session) -> None:
    """Run the tests with the oldest PyTensor that setup.py admits."""
    run_tests(session, "pytensor==3.0.*")


def run_tests(session: nox.Session, *versions: str) -> None:
    """Run the tests of the repository with these versions of what the package needs."""
    session.chdir("..")
    session.install("-e", ".[test]", *versions)
    session.run("python", "-m", "pytest", *session.posargs)
