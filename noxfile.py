"""What a contributor runs: `nox` does all of it, `nox -s test` one; `nox -l` lists them."""

import nox

nox.options.sessions = ["tiny", "lint", "types", "test", "docs"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # small matrices want no more


@nox.session
def tiny(session: nox.Session) -> None:
    """Every room once, in seconds."""
    session.install("-e", ".[test]")
    session.run("pytest", "-q", "-m", "tiny", *session.posargs, env=ONE_THREAD)


@nox.session
def test(session: nox.Session) -> None:
    """All tests, and every block of Python in README and docs."""
    session.install("-e", ".[test]")
    session.run("pytest", "-q", "-n", "auto", *session.posargs, env=ONE_THREAD)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and spelling."""
    session.install(".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def types(session: nox.Session) -> None:
    """Types, in strict mode."""
    session.install("-e", ".[lint]")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """The site; a warning is an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html")
