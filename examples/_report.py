"""What every experiment says: its table of published and own figures, and its time."""

import argparse
import sys
import time
from collections.abc import Sequence

Row = tuple[str, str, str]  # what, published or exact, ours


def options(about: str | None, seed: int = 0) -> argparse.Namespace:
    """`--quick`, a run of seconds that only shows that everything works, and `--seed`."""
    parser = argparse.ArgumentParser(description=(about or "").split("\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few updates only: shows that it runs, learns nothing",
    )
    parser.add_argument(
        "--seed", type=int, default=seed, help="seed of the random numbers (default %(default)s)"
    )
    return parser.parse_args(sys.argv[1:])


def report(rows: Sequence[Row], started: float, against: str = "published") -> None:
    """Print the table, and the seconds since `started`, a time.perf_counter(); against: what ours
    is compared with.
    """
    lines = [("", against, "ours"), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    for what, theirs, ours in lines:
        print(f"{what:<{widths[0]}}  {theirs:>{widths[1]}}  {ours:>{widths[2]}}")
    seconds = time.perf_counter() - started
    print(f"took {seconds:.1f} s" if seconds >= 1 else f"took {1000 * seconds:.0f} ms")
