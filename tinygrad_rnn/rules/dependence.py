"""What a share depends on, function by function.

By this table the careful walk tells a 0 that cuts off from a 0 that is only a number.  Functions in
none of these sets have slopes of their own, such as exp and softmax.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_rnn.core.structural import astype, getitem, scatter
from tinygrad_rnn.core.tables import BILINEAR, CHOSEN, LINEAR, PRODUCTS
from tinygrad_rnn.rules.activations import hardtanh, leaky_relu
from tinygrad_rnn.rules.creation import filled
from tinygrad_rnn.rules.cumulative import recurrence
from tinygrad_rnn.rules.einsum import einsum
from tinygrad_rnn.rules.joining import concatenate, stack
from tinygrad_rnn.rules.nonlinear import relu, weighted
from tinygrad_rnn.rules.piecewise import checked, clip
from tinygrad_rnn.rules.rearrange import pad_with_constant, pad_with_copies

LINEAR.update(
    (np.add, np.subtract, np.negative, np.positive, np.copy, astype, filled, checked),
    (np.degrees, np.rad2deg, np.radians, np.deg2rad),
    (np.sum, np.mean, np.cumsum, np.broadcast_to),
    (np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze),
    (concatenate, stack, getitem, scatter, np.take, np.take_along_axis, np.delete, np.where),
    (np.diag, np.diagonal, np.tril, np.triu, np.flip, np.fliplr, np.flipud, np.roll, np.rot90),
    (np.tile, np.repeat, np.resize, sliding_window_view, pad_with_constant, pad_with_copies),
)

BILINEAR.update((np.multiply, np.matmul, einsum, weighted))
PRODUCTS.update((np.divide, np.prod, np.cumprod, recurrence))

CHOSEN.update(
    (np.maximum, np.minimum, np.fmax, np.fmin, clip, relu, leaky_relu, hardtanh),
    (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin, np.sort, np.partition),
    (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.floor_divide),
    (np.heaviside, np.remainder, np.fmod, np.copysign),
)
