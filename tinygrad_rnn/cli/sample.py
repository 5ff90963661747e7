"""`tinygrad-rnn sample`: text from the checkpoint of a character model."""

import argparse

from tinygrad_rnn.cli.options import Commands, Formatter
from tinygrad_rnn.training.sample import character_model, sample
from tinygrad_rnn.training.settings import check_range


def add_to(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "sample", help="write text with a trained character model", formatter_class=Formatter
    )
    parser.add_argument(
        "--checkpoint", default="run.npz", metavar="FILE", help="what `train` wrote"
    )
    parser.add_argument("--length", type=int, default=500, metavar="N", help="characters to write")
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.7,
        help="below 1 safer, above 1 wilder; 0: the likeliest",
    )
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what to go on from")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices")
    parser.set_defaults(run=_sample)


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
