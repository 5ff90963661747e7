"""`tinygrad-rnn draw`: the gradient paths of a model that is trained already."""

import argparse
import sys
import time

from tinygrad_rnn.cli.demo import TRAINING, add_unrolling, check_unrolling, show, train_and_show
from tinygrad_rnn.cli.options import Commands, add, add_command, reading_of
from tinygrad_rnn.errors import UsageError
from tinygrad_rnn.io.files import prepare_folder
from tinygrad_rnn.training.trained import trained_run


def add_to(commands: Commands) -> None:
    """The command and its options; those of `demo`, which `draw` was until 0.1, are hidden."""
    parser = add_command(commands, "draw", "draw the gradients of a model that is trained", _draw)
    what = "PyTorch's weights as .safetensors or .npz, or a checkpoint of `train`"
    add(parser, "--weights", str, "FILE", what)
    add_unrolling(parser, "that of the checkpoint")
    for option, usual, value, _ in TRAINING:
        add(parser, option, type(usual), value, argparse.SUPPRESS)


def _draw(options: argparse.Namespace) -> int:
    start = time.perf_counter()
    trained = options.weights is not None
    for option, usual, *_ in TRAINING:
        name = option.removeprefix("--")
        if (value := getattr(options, name)) is None:
            setattr(options, name, usual)
        elif trained:
            why = "the model of --weights is trained already"
            raise UsageError(f"{option} is {value}, but {why}. Leave one of them out.")
    if not trained:
        way = "Write `tinygrad-rnn demo`; without --weights, draw goes in 0.4."
        print(f"tinygrad-rnn: draw trains a model of its own. {way}", file=sys.stderr)
        return train_and_show(options)
    check_unrolling(options)
    notes: list[str] = []
    reading = reading_of(options)
    run, about = trained_run(
        options.weights,
        options.data,
        reading.pop("column", None),
        options.steps,
        tell=notes.append,
        **reading,
    )
    folder = prepare_folder(options.out)
    print(*notes, about, sep="\n")
    return show(run, folder, options, start)
