"""The residual encoders and decoders as graphs; `vqzip.autoencoders.conv` has them in torch."""

from __future__ import annotations

from collections.abc import Sequence

from vqzip.autoencoders.config import ConvTransformConfig
from vqzip.autoencoders.onnx.graph import Graph
from vqzip.autoencoders.onnx.weights import Weights
from vqzip.autoencoders.spec import PIXEL_CENTER, PIXEL_SCALE, doublings, latent_channels
from vqzip.hierarchy import LevelConfig


def analysis(weights: Weights, config: ConvTransformConfig, levels: Sequence[LevelConfig]) -> bytes:
    """Return the graph from pixels `(1, 3, H, W)` to features `(1, hidden, h, w)` of every level.

    Outputs are coarse level first.
    """
    graph = Graph({"pixels": (1, 3, "rows", "columns")})
    x = graph.add("Sub", "pixels", graph.constant(PIXEL_CENTER))
    x = graph.add("Div", x, graph.constant(PIXEL_SCALE))
    width, stride = 3, 1
    features: dict[str, tuple[int | str, ...]] = {}
    for number in reversed(range(len(levels))):
        part = weights.part(f"encoders.{number}.layers")
        x = _encoder(graph, x, part, width, doublings(levels[number].stride, stride), config)
        features = {x: _map(config.hidden, number)} | features
        width, stride = config.hidden, levels[number].stride
    return graph.made(features)


def latent(
    weights: Weights, config: ConvTransformConfig, levels: Sequence[LevelConfig], number: int
) -> bytes:
    """Return the graph from a level's features and the coarser levels' `z_q` to its latents."""
    graph = Graph(
        {"features": _map(config.hidden, number)}
        | {f"z{coarse}": _latents(levels, coarse) for coarse in range(number)}
    )
    known, width = "features", config.hidden
    channels = latent_channels(levels[number])
    if number:
        hint_width = latent_channels(levels[number - 1])
        hint = _decoder(
            graph,
            weights.part(f"hints.{number - 1}"),
            levels[:number],
            hint_width,
            levels[number].stride,
            config,
        )
        known, width = graph.add("Concat", known, hint, axis=1), width + hint_width
    z_e = graph.conv(known, weights.layer(f"to_latent.{number}", channels, width, 1, 1))
    return graph.made({z_e: _latents(levels, number)})


def synthesis(
    weights: Weights, config: ConvTransformConfig, levels: Sequence[LevelConfig]
) -> bytes:
    """Return the graph from `z_q` of every level to pixels `(1, 3, H, W)`, not clipped."""
    graph = Graph({f"z{number}": _latents(levels, number) for number in range(len(levels))})
    x = _decoder(graph, weights.part("to_pixels"), levels, 3, 1, config)
    x = graph.add("Mul", x, graph.constant(PIXEL_SCALE))
    x = graph.add("Add", x, graph.constant(PIXEL_CENTER))
    return graph.made({x: (1, 3, "rows", "columns")})


def _map(channels: int, level: int) -> tuple[int | str, ...]:
    return 1, channels, f"rows{level}", f"columns{level}"


def _latents(levels: Sequence[LevelConfig], number: int) -> tuple[int | str, ...]:
    return _map(latent_channels(levels[number]), number)


def _encoder(
    graph: Graph, x: str, weights: Weights, width: int, halvings: int, config: ConvTransformConfig
) -> str:
    """Add an `Encoder`; layers are numbered as in torch's list, which includes ReLU."""
    place = 0
    for number in range(halvings):
        wider = config.hidden if number else config.hidden // 2
        x = graph.conv(x, weights.layer(f"{place}", wider, width, 4, 4), stride=2)
        x, width, place = graph.add("Relu", x), wider, place + 2
    x = graph.conv(x, weights.layer(f"{place}", config.hidden, width, 3, 3))
    return _residual_stack(graph, x, weights.part(f"{place + 1}"), config)


def _decoder(
    graph: Graph,
    weights: Weights,
    levels: Sequence[LevelConfig],
    channels_out: int,
    stride_out: int,
    config: ConvTransformConfig,
) -> str:
    """Add a `Decoder` of the inputs `z0`, `z1` and so on."""
    finest, hidden = levels[-1].stride, config.hidden
    raised = []
    for number, level in enumerate(levels):
        channels = latent_channels(level)
        widths = [channels] * doublings(level.stride, finest)
        part = weights.part(f"upsample.{number}")
        raised.append(_doublings(graph, f"z{number}", part, channels, widths, 0))
    x = graph.add("Concat", *raised, axis=1) if len(raised) > 1 else raised[0]
    layers = weights.part("layers")
    x = graph.conv(x, layers.layer("0", hidden, sum(map(latent_channels, levels)), 3, 3))
    x = _residual_stack(graph, x, layers.part("1"), config)
    count = doublings(finest, stride_out)
    if not count:
        return graph.conv(x, layers.layer("2", channels_out, hidden, 1, 1))
    widths = [*[hidden] * (count - 1), hidden // 2, channels_out][-count:]
    return _doublings(graph, x, layers, hidden, widths, 2)


def _doublings(
    graph: Graph, x: str, weights: Weights, width: int, widths: Sequence[int], place: int
) -> str:
    """Add transposed convolutions with ReLU between them, the first at `place` in torch's list."""
    for number, narrower in enumerate(widths):
        x = graph.add("Relu", x) if number else x
        layer = weights.layer(f"{place + 2 * number}", width, narrower, 4, 4, transposed=True)
        x, width = graph.doubled(x, layer), narrower
    return x


def _residual_stack(graph: Graph, x: str, weights: Weights, config: ConvTransformConfig) -> str:
    for number in range(config.residual_blocks):
        part = weights.part(f"{number}.branch")
        narrow, hidden = config.residual_hidden, config.hidden
        inner = graph.conv(graph.add("Relu", x), part.layer("1", narrow, hidden, 3, 3))
        inner = graph.conv(graph.add("Relu", inner), part.layer("3", hidden, narrow, 1, 1))
        x = graph.add("Add", x, inner)
    return graph.add("Relu", x)
