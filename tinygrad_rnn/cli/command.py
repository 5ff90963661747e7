"""`tinygrad-rnn COMMAND`: demo, train, sample, draw and check."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import tinygrad_rnn
from tinygrad_rnn.cli import check, demo, draw, sample, train
from tinygrad_rnn.errors import TinygradError

_COMMANDS = {"demo": demo, "train": train, "sample": sample, "draw": draw, "check": check}
_WELCOME = f"""\
tinygrad-rnn {tinygrad_rnn.__version__}: where the gradients of a recurrent network come from

  tinygrad-rnn demo     train a small RNN on sunspot numbers and draw its gradients; begin here
  tinygrad-rnn train    train on a text, a series or a classic task; stop and resume at any time
  tinygrad-rnn sample   write text with what `train` learned
  tinygrad-rnn draw     draw the gradients of a model that `train` or PyTorch trained
  tinygrad-rnn check    compute every equation by hand, and compare with the library

`python -m tinygrad_rnn` is the same command. Each explains its options: tinygrad-rnn demo --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    0, 1 for a check that fails, 2 for bad input or output that cannot be written, 130 after Ctrl-C,
    141 where a reader of the output went away.
    """
    with contextlib.ExitStack() as stack:
        if sys.stderr is None:  # closed
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        if sys.stdout is None:
            return _failed("standard output is closed. Send it to a file, or to /dev/null.")
        with contextlib.suppress(AttributeError):  # something else may stand in its place
            stdout: Any = sys.stdout
            stdout.reconfigure(errors="replace")  # a terminal may know fewer characters
        try:
            try:
                status = _status(list(sys.argv[1:] if argv is None else argv))
            except SystemExit:  # of argparse, after --help too
                sys.stdout.flush()
                raise
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # `| head` has read enough
            _forget_output()
            return 141
        except OSError as error:
            _forget_output()
            return _failed(f"cannot write to standard output: {error.strerror or error}.")


def _status(given: list[str]) -> int:
    if not given:
        print(_WELCOME, end="")
        return 0
    if given[0].startswith("-") and given[0] not in ("-h", "--help", "--version"):
        trained = any(option.split("=")[0] == "--weights" for option in given)
        meant = "draw" if trained else "demo"
        way = f"Write `tinygrad-rnn {meant}`; options without a command go in 0.4."
        print(f"tinygrad-rnn: this is the command {meant}. {way}", file=sys.stderr)
        given.insert(0, meant)
    options = _parser().parse_args(given)
    try:
        return int(options.run(options))
    except TinygradError as error:
        return _failed(str(error))
    except MemoryError as error:
        return _failed(f"{str(error) or 'no memory is left'}. Lower the sizes.")
    except KeyboardInterrupt:
        print("tinygrad-rnn: stopped; no file was half-written", file=sys.stderr)
        return 130


def _failed(why: str) -> int:
    with contextlib.suppress(OSError):
        why = why.encode(errors="backslashreplace").decode()  # a name may hold what is no character
        print(f"tinygrad-rnn: error: {why}", file=sys.stderr)
    return 2


def _forget_output() -> None:
    """Python would complain when it flushes at its end what could not be written."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    """One that does not keep quiet about what it could not print."""

    def _print_message(self, message: str, file: Any = None) -> None:
        (sys.stderr if file is None else file).write(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tinygrad-rnn",
        description="Train recurrent networks and see where their gradients come from.",
    )
    version = f"tinygrad-rnn {tinygrad_rnn.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="{" + ",".join(_COMMANDS) + "}")
    for module in _COMMANDS.values():
        module.add_to(commands)
    return parser
