"""What the parsers of the commands share."""

import argparse
from typing import Any, TypeAlias

from tinygrad_rnn.training.settings import READING

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that tells defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.default not in (None, "") and action.default is not False
        return super()._get_help_string(action) if told else action.help


def add_command(commands: Commands, name: str, what: str, run: Any) -> argparse.ArgumentParser:
    """The parser of a command; run(options) gives its exit status."""
    parser = commands.add_parser(name, help=what, formatter_class=_Formatter)
    parser.set_defaults(run=run)
    return parser


def add(parser: Any, option: str, usual: Any, value: str, what: str) -> None:
    """An option with a value.  usual: its default, or its type if it has none."""
    kind, default = (usual, None) if isinstance(usual, type) else (type(usual), usual)
    parser.add_argument(option, type=kind, default=default, metavar=value, help=what)


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Where the pictures go, and what they are."""
    add(parser, "--out", "pictures", "DIR", "folder for the pictures")
    kinds = ("svg", "png", "pdf")
    parser.add_argument("--format", default="svg", choices=kinds, help="png and pdf need Graphviz")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How a series is read; the names of the options are those of load_series."""
    what = "a column of the series, by name or number from 1; once for each (default: all)"
    parser.add_argument("--column", action="append", metavar="NAME", help=what)
    what = "of its cells, or comma, semicolon, tab, space (default: found)"
    add(parser, "--separator", str, "CHARACTER", what)
    add(parser, "--decimal", str, "SIGN", "of its numbers, . or , (default: found)")
    what = "whether its first row names the columns (default: found)"
    parser.add_argument("--header", action=argparse.BooleanOptionalAction, help=what)


def reading_of(options: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_reading` that were given."""
    return {name: getattr(options, name) for name in READING if getattr(options, name) is not None}
