"""Weights from and to other programs, as plain arrays; none of those programs is imported."""

__all__ = ["from_torch", "load_safetensors", "save_safetensors", "to_torch"]

from tinygrad_rnn.io.safetensors_file import load_safetensors, save_safetensors
from tinygrad_rnn.io.torch_weights import from_torch, to_torch
