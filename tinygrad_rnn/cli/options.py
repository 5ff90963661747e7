"""What the parsers of the commands share."""

import argparse
from typing import Any


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that tells defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False, "") else super()._get_help_string(action)


Commands = Any  # what add_subparsers returns
