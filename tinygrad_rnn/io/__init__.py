"""Files, written whole or not at all: checkpoints, and weights of other programs."""
