"""The networks around and inside the wavelet as graphs; `vqzip.autoencoders.wavelet` has them in torch.

Every graph takes the quantizer's step as its last input, `(1,)`.
"""

from __future__ import annotations

import numpy as np

from vqzip.autoencoders.config import PredictorConfig, RefinerConfig
from vqzip.autoencoders.onnx.graph import Graph, Layer
from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.spec import (
    ACTIVATION_SLOPE,
    BLOCK,
    COLORS,
    GROUND,
    LARGEST_LOG_GAIN,
    LOG_STEP_CENTER,
    LOG_STEP_SPREAD,
    OUTPUT_SCALE,
    PREDICTOR_WINDOW,
    VISIBLE_VARIANCE,
    WINDOWS,
)
from vqzip.autoencoders.transform import Floats

PLANES = (1, COLORS, "rows", "columns")
STEP = (1,)


def refiner(weights: Weights, config: RefinerConfig) -> bytes:
    """Return the graph of a `Refiner`: planes `(1, 3, H, W)` to planes of the same shape."""
    graph = Graph({"planes": PLANES, "step": STEP})
    channels = COLORS * BLOCK**2
    condition = _condition(graph)
    x = graph.add("Div", "planes", "step")
    mean = graph.add("AveragePool", x, kernel_shape=[BLOCK, BLOCK], strides=[BLOCK, BLOCK])
    mean = graph.window_mean(mean, GROUND)
    ground = graph.add("Concat", *[mean] * BLOCK**2, axis=1)
    h = graph.add("Sub", graph.add("SpaceToDepth", x, blocksize=BLOCK), ground)
    h = graph.conv(h, _of_blocks(weights.layer("enter", config.width, channels, 3, 3), BLOCK))
    for number in range(config.blocks):
        h = _block(graph, h, condition, weights.part(f"blocks.{number}"), config)
    change = _leave(graph, h, weights.layer("leave", channels, config.width, 3, 3), BLOCK)
    unit = graph.add("Mul", "step", graph.constant(OUTPUT_SCALE))
    return graph.made({graph.add("Add", "planes", graph.add("Mul", change, unit)): PLANES})


def predictor(weights: Weights, config: PredictorConfig, subbands: int) -> bytes:
    """Return the graph of a `Predictor`: low band `(1, 3, h, w)` to details `(1, subbands, h, w)`."""
    graph = Graph({"low": PLANES, "step": STEP})
    condition = _condition(graph)
    area = config.fold**2
    x = graph.add("Div", "low", "step")
    h = graph.add("Sub", x, graph.window_mean(x, PREDICTOR_WINDOW))
    if area > 1:
        h = graph.add("SpaceToDepth", h, blocksize=config.fold)
    enter = weights.layer("enter", config.width, COLORS * area, 3, 3)
    h = graph.conv(h, _of_blocks(enter, config.fold))
    for number in range(config.blocks):
        h = _block(graph, h, condition, weights.part(f"blocks.{number}"), config)
    leave = weights.layer("leave", subbands * area, config.width, 3, 3)
    details = graph.add("Mul", _leave(graph, h, leave, config.fold), "step")
    return graph.made({details: (1, subbands, "rows", "columns")})


def masking(weights: Weights, bands: Layer, width: int) -> bytes:
    """Return the graph of a `LevelGains` with a network.

    Args:
        weights: of the masking network.
        bands: the layer that makes constants of the subbands from the step.
        width: of the network.

    Returns:
        Low band in pixel values `(1, 3, h, w)` to gains `(1, subbands, h, w)`.
    """
    graph = Graph({"low": PLANES, "step": STEP})
    subbands = len(bands[1])
    seen = [_seen_variance(graph, window) for window in WINDOWS]
    condition = _condition(graph)
    shape = graph.add("Concat", graph.constant([1, 2]), graph.add("Shape", "low", start=2), axis=0)
    maps = graph.add("Reshape", condition, graph.constant([1, 2, 1, 1]))
    h = graph.add("Concat", *seen, graph.add("Expand", maps, shape), axis=1)
    inputs = COLORS * len(WINDOWS) + 2
    h = graph.conv(h, weights.layer("0", width, inputs, 3, 3))
    h = graph.conv(graph.leaky(h, ACTIVATION_SLOPE), weights.layer("2", width, width, 1, 1))
    h = graph.conv(graph.leaky(h, ACTIVATION_SLOPE), weights.layer("4", subbands, width, 1, 1))
    constants = _matrix(graph, condition, bands)
    constants = graph.add("Reshape", constants, graph.constant([1, subbands, 1, 1]))
    limits = graph.constant(-LARGEST_LOG_GAIN), graph.constant(LARGEST_LOG_GAIN)
    gain = graph.add("Exp", graph.add("Clip", graph.add("Add", h, constants), *limits))
    return graph.made({gain: (1, subbands, "rows", "columns")})


def step_features(step: float) -> Floats:
    """Return the input of networks for the quantizer's step: its logarithm and the square, `(2,)`."""
    s = (np.log(np.float32(step)) - np.float32(LOG_STEP_CENTER)) / np.float32(LOG_STEP_SPREAD)
    return np.array([s, s * s], np.float32)


def _condition(graph: Graph) -> str:
    """Return `step_features` of the graph's step, `(1, 2)`."""
    s = graph.add("Sub", graph.add("Log", "step"), graph.constant(LOG_STEP_CENTER))
    s = graph.add("Div", s, graph.constant(LOG_STEP_SPREAD))
    pair = graph.add("Concat", s, graph.add("Mul", s, s), axis=0)
    return graph.add("Reshape", pair, graph.constant([1, 2]))


def _block(
    graph: Graph,
    x: str,
    condition: str,
    weights: Weights,
    config: RefinerConfig | PredictorConfig,
) -> str:
    """Add a `ModulatedBlock`, or a `BottleneckBlock` where the configuration has hidden channels."""
    hidden = config.hidden or config.width
    weight, bias = weights.layer("modulation", 2 * hidden, 2)
    # The first half is the scale minus one, the second half the shift.
    bias[:hidden] += 1
    pair = _matrix(graph, condition, (weight, bias))
    pair = graph.add("Reshape", pair, graph.constant([2, 1, hidden, 1, 1]))
    scale, shift = (graph.add("Gather", pair, graph.constant(half), axis=0) for half in (0, 1))
    inner = graph.conv(
        graph.leaky(x, ACTIVATION_SLOPE), weights.layer("first", hidden, config.width, 3, 3)
    )
    inner = graph.add("Add", graph.add("Mul", inner, scale), shift)
    inner = graph.leaky(inner, ACTIVATION_SLOPE)
    if config.hidden:
        matrix, bias = weights.layer("second", config.width, hidden)
        second = matrix[:, :, None, None], bias
    else:
        second = weights.layer("second", config.width, config.width, 3, 3)
    return graph.add("Add", graph.conv(inner, second), x)


def _leave(graph: Graph, x: str, layer: Layer, block: int) -> str:
    """Add the last convolution, and put channels back to their places in blocks of positions."""
    last = graph.conv(graph.leaky(x, ACTIVATION_SLOPE), layer)
    # "CRD" is torch's order: all positions of the first plane come first.
    return graph.add("DepthToSpace", last, blocksize=block, mode="CRD") if block > 1 else last


def _of_blocks(layer: Layer, block: int) -> Layer:
    """Return a layer with inputs in the order of `SpaceToDepth`, where the planes of a position are adjacent."""
    weight, bias = layer
    width, channels, *kernel = weight.shape
    split = weight.reshape(width, channels // block**2, block**2, *kernel)
    return split.swapaxes(1, 2).reshape(weight.shape), bias


def _matrix(graph: Graph, x: str, layer: Layer) -> str:
    """Add a fully connected layer."""
    weight, bias = map(graph.constant, layer)
    return graph.add("Gemm", x, weight, bias, transB=1)


def _seen_variance(graph: Graph, window: int) -> str:
    """Return `log(1 + variance)` of the low band in a square window, as the network sees it."""
    mean = graph.window_mean("low", window)
    square = graph.window_mean(graph.add("Mul", "low", "low"), window)
    variance = graph.add("Relu", graph.add("Sub", square, graph.add("Mul", mean, mean)))
    visible = graph.add("Div", variance, graph.constant(VISIBLE_VARIANCE))
    return graph.add("Log", graph.add("Add", visible, graph.constant(1.0)))
