"""What the prior is, in numbers: the float network and the integers have these in common.

docs/format.md states them for other decoders.
"""

from __future__ import annotations

import math

from vqzip.entropy.logistic_tables import SCALES

CONTEXT_TAPS = (
    *((-2, dj) for dj in range(-2, 4)),
    *((-1, dj) for dj in range(-2, 2)),
    *((0, dj) for dj in range(-2, 0)),
)
"""(di, dj) of the positions that a code's context sees; all have a lower rank j + 2i."""

ABOVE, BELOW, LEFT, RIGHT = 2, 1, 2, 3
"""Positions around a code that taps and kernels of the update reach."""

FRACTION_BITS = 8
"""Activations, features, states and logits are integers in units of 2^-8."""

LARGEST_ACTIVATION = 2047
"""Activations, features and states are integers of 12 bits."""

LEAK = 0.125
"""Slope of the leaky ReLU below 0."""

MAGNITUDES = 256
"""Entries of the table of a grid's features; larger codes look like the last."""

LARGEST_MEAN16 = 1 << 20
"""Means of the logistic head, before the neighbors' mean is added, are clipped to this."""

MEAN_FRACTION_BITS = 4
"""Means of the logistic head are integers in units of 2^-4 step."""

SMALLEST_SCALE, LARGEST_SCALE = 0.03, 64.0
SCALE_RATIO = math.log(LARGEST_SCALE / SMALLEST_SCALE) / (SCALES - 1)
"""Scale i of the logistic head is SMALLEST_SCALE * exp(SCALE_RATIO * i) steps."""

SCALE_GAIN, SCALE_CENTER = 8.0, 24.0
"""The float network's second output o names the scale index SCALE_CENTER + SCALE_GAIN * o."""
