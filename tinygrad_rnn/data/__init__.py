"""Real series: the one that ships with the package, and your own files."""

__all__ = ["load_series", "standardised", "sunspots"]

from tinygrad_rnn.data.series import load_series, standardised, sunspots
