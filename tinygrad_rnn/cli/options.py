"""What the parsers of the commands share."""

import argparse
from typing import Any, TypeAlias

from tinygrad_rnn.training.settings import READING

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that tells defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.default not in (None, "") and action.default is not False
        return super()._get_help_string(action) if told else action.help


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Where the pictures go, and what they are."""
    parser.add_argument("--out", default="pictures", metavar="DIR", help="folder for the pictures")
    parser.add_argument(
        "--format", default="svg", choices=("svg", "png", "pdf"), help="png and pdf need Graphviz"
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How a series is read; the names of the options are those of load_series."""
    parser.add_argument(
        "--column",
        action="append",
        metavar="NAME",
        help="a column of the series, by name or number from 1; once for each (default: all)",
    )
    parser.add_argument(
        "--separator",
        metavar="CHARACTER",
        help="of its cells, or comma, semicolon, tab, space (default: found)",
    )
    parser.add_argument("--decimal", metavar="SIGN", help="of its numbers, . or , (default: found)")
    parser.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether its first row names the columns (default: found)",
    )


def reading_of(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_reading` that were given."""
    return {name: getattr(options, name) for name in READING if getattr(options, name) is not None}
