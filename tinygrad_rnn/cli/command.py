"""`tinygrad-rnn COMMAND`: draw (the default), check, train and sample."""

import argparse
import os
import sys
from collections.abc import Sequence

import tinygrad_rnn
from tinygrad_rnn.cli import check, draw, sample, train
from tinygrad_rnn.errors import TinygradError

_COMMANDS = {"draw": draw, "check": check, "train": train, "sample": sample}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 for a check that fails, 2 for bad input, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0] not in _COMMANDS and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "draw")
    options = _parser().parse_args(given)
    try:
        return int(options.run(options))
    except TinygradError as error:
        print(f"tinygrad-rnn: error: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"tinygrad-rnn: error: {str(error) or 'no memory is left'}. Lower the sizes.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinygrad-rnn: stopped; no file was half-written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough; Python would complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygrad-rnn",
        description="Train a small RNN on a real series and see where its gradients come from (draw, the default); "
        "check every equation by hand-written NumPy against the library (check); "
        "train on a text, a series or a classic task (train); write text with what was learned (sample).",
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-rnn {tinygrad_rnn.__version__}")
    commands = parser.add_subparsers(required=True, metavar="{draw,check,train,sample}")
    for module in _COMMANDS.values():
        module.add_to(commands)
    return parser
