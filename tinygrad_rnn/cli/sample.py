"""`tinygrad-rnn sample`: text from the checkpoint of a character model."""

import argparse

from tinygrad_rnn.cli.options import Commands, add, add_command
from tinygrad_rnn.training.sample import character_model, sample
from tinygrad_rnn.training.settings import check_range


def add_to(commands: Commands) -> None:
    """The command and its options."""
    what = "write text with a trained character model"
    parser = add_command(commands, "sample", what, _sample)
    add(parser, "--checkpoint", "run.npz", "FILE", "what `train` wrote")
    add(parser, "--length", 500, "N", "characters to write")
    add(parser, "--temperature", 0.7, "X", "below 1 safer, above 1 wilder; 0: the likeliest")
    add(parser, "--prompt", "", "TEXT", "the text to continue")
    add(parser, "--seed", 0, "N", "seed of the random choices")


def _sample(options: argparse.Namespace) -> int:
    check_range("seed", options.seed, 0)
    model, vocabulary = character_model(options.checkpoint)
    characters = sample(
        model,
        vocabulary,
        options.length,
        temperature=options.temperature,
        prompt=options.prompt,
        rng=options.seed,
    )
    for character in characters:
        print(character, end="", flush=True)
    print()
    return 0
