"""Files: written whole or not at all, and never unpickled; checkpoints, and weights of other programs."""
