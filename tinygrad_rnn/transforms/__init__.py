"""Derivatives of functions, and two ways to watch how they are computed: `debug` and `scope`."""
