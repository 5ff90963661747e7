"""The command `tinygrad-rnn`: one file for each command, which only reads options and prints."""

__all__ = ["main"]

from tinygrad_rnn.cli.command import main
