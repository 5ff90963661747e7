"""`tinygrad-rnn check`: every equation by hand-written NumPy against the library."""

import argparse

from tinygrad_rnn.cli.options import Commands, add_command


def add_to(commands: Commands) -> None:
    """The command and its options."""
    add_command(commands, "check", "compute every equation by hand and by the library", _check)


def _check(options: argparse.Namespace) -> int:
    from tinygrad_rnn.equations import run_checks  # here: the pictures do not need it

    checks = run_checks()
    print(f"{'equation':<26}{'what is compared':<74}{'difference':>11}  result")
    for check in checks:
        right = "pass: the text is wrong" if check.kind == "differs" else "pass"
        verdict = right if check.passed else "FAIL"
        print(f"{check.equation:<26}{check.compared:<74}{check.difference:>11.1e}  {verdict}")
    failed = sum(not check.passed for check in checks)
    print(f"{len(checks)} checks, {failed} failed")
    return 1 if failed else 0
