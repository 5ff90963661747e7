"""The command `tinygrad-rnn`: one file for each of its commands, which only read options and print."""

__all__ = ["main"]

from tinygrad_rnn.cli.command import main
