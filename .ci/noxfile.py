"""The tests on every Python that the package supports: ``nox -f .ci/noxfile.py``."""

import nox

nox.options.default_venv_backend = "venv"


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Install the package with its tests in a new environment and run them."""
    session.chdir("..")
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.10")
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest versions that setup.py admits."""
    session.chdir("..")
    session.install(".[test]", "numpy==1.21.*", "scipy==1.7.*", "six==1.12.*")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python="3.12")
def oldest_pytensor(session: nox.Session) -> None:
    """Run the tests with the oldest PyTensor that setup.py admits."""
    session.chdir("..")
    session.install(".[test]", "pytensor==3.0.*")
    session.run("python", "-m", "pytest", *session.posargs)
