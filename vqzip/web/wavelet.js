/** The wavelet and the networks around it: vqzip/autoencoders/onnx/wavelet.py. */
import { demand } from "./errors.js";
import { Layers, NO_ACTIVATION, filledChannels } from "./layers.js";

const SLOPE = 0.1;
const BLOCK = 4;
const GROUND = 5;
const COLORS = 3;
const CENTER = 128;
const OUTPUT_SCALE = 0.3;
const LOG_STEP_CENTER = 4.0;
const LOG_STEP_SPREAD = 0.8;
const LARGEST_LOG_GAIN = 3;
const LARGEST_LOG_KNEE = 10;
const LARGEST_COMPRESSED = 12;
const PREDICTOR_WINDOW = 7;
const WINDOWS = [3, 7];
const VISIBLE_VARIANCE = 60;
const FILTER_REACH = 4;
const MAGNITUDES = 3;
/** The nearest orthonormal matrix to the color basis in vqzip/autoencoders/spec.py. */
const COLOR = [
  [0.5682311, 0.5798028, 0.5839025],
  [-0.73236626, 0.032821294, 0.6801194],
  [0.3751707, -0.8140955, 0.4432781],
];

const clip = (x, least, most) => Math.min(Math.max(x, least), most);

/** Return how many pixels the network after the wavelet sees in each direction. */
function refinerReach(config) {
  if (!config) return 0;
  return BLOCK * (config.blocks * (config.hidden ? 1 : 2) + 2 + (GROUND >> 1)) + BLOCK - 1;
}

function predictorReach(config) {
  const convolutions = config.blocks * (config.hidden ? 1 : 2) + 2;
  return config.fold * convolutions + config.fold - 1 + (PREDICTOR_WINDOW >> 1);
}

/** Decodes with a wavelet model at one quality. */
export class Wavelet {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {object} config of the model
   * @param {import("./model.js").Tensors} tensors
   * @param {number} step of the grids
   */
  constructor(memory, config, tensors, step) {
    const { transform } = config.vqvae;
    this._memory = memory;
    this._layers = new Layers(memory, tensors);
    this._levels = config.vqvae.levels;
    this._depth = transform.decompositions;
    const strides = [this._depth, ...Array.from({ length: this._depth }, (_, n) => this._depth - n)].map((n) => 2 ** n);
    demand(
      this._levels.map(({ stride }) => stride).join() === strides.join() &&
        this._levels.every(({ groups, depth }, n) => groups === (n ? 3 * COLORS : COLORS) && depth === 1),
      "The model's levels are not those of its wavelet.",
    );
    this._step = step;
    const s = (Math.log(step) - LOG_STEP_CENTER) / LOG_STEP_SPREAD;
    this._condition = [s, s * s];
    this._shifts = this._levels.map((level, number) =>
      this._layers.numbers(`quantizers.${number}.centroid_shift`, level.groups, MAGNITUDES),
    );
    this._after = transform.after ? this._refiner(transform.after) : null;
    this._afterReach = refinerReach(transform.after);
    this._predictors = new Map(
      (transform.predictors ?? []).map((predictor) => [predictor.stride, this._predictor(predictor)]),
    );
    this._gains = transform.gains ? this._levels.map((_, number) => this._gainsOf(number, transform.gains.width)) : [];
    const around = (transform.predictors ?? []).map((predictor) => predictor.stride * predictorReach(predictor));
    /** A pixel depends on no code whose cell is farther than this. */
    this.reach = (FILTER_REACH << this._depth) + around.reduce((a, b) => a + b, 0) + this._afterReach;
  }

  /** Return a picture that has no level yet, of a crop of this height and width in pixels. */
  begin(height, width) {
    return { low: 0, level: 0, height, width };
  }

  /**
   * Add the next level to a picture.
   * @param {object} picture from `begin`, changed
   * @param {Int32Array | null} codes (C, h, w) of the crop; null for none
   */
  add(picture, codes) {
    const { level } = picture;
    const { stride, groups } = this._levels[level];
    const [h, w] = [picture.height / stride, picture.width / stride];
    const before = picture.low;
    picture.low = this._memory.scope((keep) => {
      const bands = this._memory.floats(groups * h * w);
      this._dequantize(bands, codes, level, h * w);
      this._rescale(bands, level, before, h, w);
      if (!level) return keep(bands);
      const joined = this._memory.floats(4 * COLORS * h * w);
      this._memory.functions.net_join(before, bands, COLORS, h, w, joined);
      return keep(joined);
    });
    if (before) this._memory.free(before);
    picture.level += 1;
  }

  /** Return the size of what the levels so far show, and how much larger a pixel of it is. */
  previewSize(picture) {
    const stride = picture.level > 1 ? this._levels[picture.level - 1].stride / 2 : this._levels[0].stride;
    return { height: picture.height / stride, width: picture.width / stride, stride };
  }

  /** Return the levels so far as RGBA of their own size. */
  preview(picture, gray) {
    const { height, width } = this.previewSize(picture);
    const scale = 2 ** -(this._depth - Math.max(0, picture.level - 1));
    return this._memory.scope(() => this._pixels(picture.low, height, width, scale, gray));
  }

  /**
   * Return pixels of a picture with all its levels, RGBA.
   * @param {object} picture
   * @param {{top: number, left: number, height: number, width: number}} part of the crop
   * @param {boolean} gray
   */
  pixels(picture, part, gray) {
    return this._memory.scope(() => {
      if (!this._after) return this._pixels(picture.low, picture.height, picture.width, 1, gray, part);
      const seen = around(part, this._afterReach, picture);
      const planes = this._crop(picture, seen);
      this._refine(planes, seen.height, seen.width);
      const inner = { ...part, top: part.top - seen.top, left: part.left - seen.left };
      return this._pixels(planes, seen.height, seen.width, 1, gray, inner);
    });
  }

  _pixels(planes, height, width, scale, gray, part = { top: 0, left: 0, height, width }) {
    const matrix = [0, 1, 2].flatMap((color) => [...COLOR.map((row) => scale * row[color]), CENTER]);
    const out = this._memory.allocate(4 * part.height * part.width);
    const first = planes + 4 * (part.top * width + part.left);
    this._memory.functions.net_pixels(
      first, height * width, width, 1, part.height, part.width, this._memory.copy(Float32Array.from(matrix)),
      gray ? 1 : 0, out, part.width,
    );
    return this._memory.view(Uint8ClampedArray, out, 4 * part.height * part.width).slice();
  }

  _dequantize(bands, codes, level, size) {
    const out = this._memory.floatsAt(bands, this._levels[level].groups * size);
    if (!codes) {
      out.fill(0);
      return;
    }
    const shifts = this._shifts[level];
    for (let group = 0; group < this._levels[level].groups; group++)
      for (let n = group * size; n < (group + 1) * size; n++) {
        const code = codes[n];
        if (code === 0) out[n] = 0;
        else {
          const magnitude = Math.abs(code);
          const value = magnitude - shifts[group * MAGNITUDES + Math.min(magnitude, MAGNITUDES) - 1];
          out[n] = code > 0 ? value * this._step : -value * this._step;
        }
      }
  }

  /** Make latents subbands: knees, gains, predictions. */
  _rescale(bands, level, low, h, w) {
    const groups = this._levels[level].groups;
    const size = h * w;
    if (this._gains.length) {
      const { bands: constant, knees, masking } = this._gains[level];
      const gains = masking && low ? this._masked(masking, constant, low, level, h, w) : null;
      const out = this._memory.floatsAt(bands, groups * size);
      const maps = gains ? this._memory.floatsAt(gains.at, size * filledChannels(groups)) : null;
      const stride = filledChannels(groups);
      for (let group = 0; group < groups; group++) {
        const gain = Math.exp(clip(constant[group], -LARGEST_LOG_GAIN, LARGEST_LOG_GAIN));
        const knee = knees ? Math.exp(clip(knees[group], 0, LARGEST_LOG_KNEE)) : 0;
        for (let n = 0; n < size; n++) {
          let value = out[group * size + n];
          if (value === 0) continue;
          if (knees) value = knee * Math.sinh(clip(value / knee, -LARGEST_COMPRESSED, LARGEST_COMPRESSED));
          out[group * size + n] = value * (maps ? maps[n * stride + group] : gain);
        }
      }
    }
    const predictor = level ? this._predictors.get(2 ** (this._depth - level + 1)) : undefined;
    if (predictor) this._predict(predictor, low, h, w, bands);
  }

  /** Read gains and knees of a level; `width` 0 is without the network that sees the low band. */
  _gainsOf(number, width) {
    const { groups } = this._levels[number];
    const name = `transform.gains.levels.${number}`;
    const masks = number && width;
    const linear = (part) => {
      const [weight, bias] = this._layers.stored(`${name}.${part}`, groups, 2);
      return bias.map((value, n) => weight[2 * n] * this._condition[0] + weight[2 * n + 1] * this._condition[1] + value);
    };
    const inputs = COLORS * WINDOWS.length + 2;
    const conv = (part, outputs, from, side) =>
      this._layers.conv(...this._layers.stored(`${name}.masking.${part}`, outputs, from, side, side), from);
    return {
      bands: linear("bands"),
      knees: masks ? linear("knees") : null,
      masking: masks
        ? [conv("0", width, inputs, 3), conv("2", width, width, 1), conv("4", groups, width, 1)]
        : null,
    };
  }

  /** Return gains (h, w, groups) of what the low band shows. */
  _masked([first, second, third], constant, low, level, h, w) {
    const size = h * w;
    const x = this._seen(low, 2 ** -(this._depth - level + 1), h, w);
    let map = this._layers.apply(x, first, NO_ACTIVATION);
    map = this._layers.apply(map, second, SLOPE);
    map = this._layers.apply(map, third, SLOPE);
    const out = this._layers.view(map);
    const stride = filledChannels(constant.length);
    for (let n = 0; n < size; n++)
      for (let group = 0; group < constant.length; group++) {
        const at = n * stride + group;
        out[at] = Math.exp(clip(out[at] + constant[group], -LARGEST_LOG_GAIN, LARGEST_LOG_GAIN));
      }
    return map;
  }

  /** Return the input of a masking network: log(1 + variance) in two windows, and the step. */
  _seen(low, scale, h, w) {
    const size = h * w;
    const x = this._layers.map(h, w, COLORS * WINDOWS.length + 2);
    const [squares, mean, meanOfSquares] = Array.from({ length: 3 }, () => this._memory.floats(COLORS * size));
    const rows = this._memory.floats(size);
    const planes = this._memory.floatsAt(low, COLORS * size);
    this._memory.floatsAt(squares, COLORS * size).forEach((_, n, to) => {
      to[n] = planes[n] * planes[n];
    });
    WINDOWS.forEach((window, number) => {
      const { net_window_mean: windowMean } = this._memory.functions;
      windowMean(low, COLORS, h, w, window, scale, rows, mean);
      windowMean(squares, COLORS, h, w, window, scale * scale, rows, meanOfSquares);
      const [a, b, to] = [mean, meanOfSquares].map((at) => this._memory.floatsAt(at, COLORS * size)).concat(this._layers.view(x));
      for (let color = 0; color < COLORS; color++)
        for (let n = 0; n < size; n++) {
          const at = color * size + n;
          to[8 * n + COLORS * number + color] = Math.log(1 + Math.max(0, b[at] - a[at] * a[at]) / VISIBLE_VARIANCE);
        }
    });
    const to = this._layers.view(x);
    for (let n = 0; n < size; n++) {
      to[8 * n + 6] = this._condition[0];
      to[8 * n + 7] = this._condition[1];
    }
    return x;
  }

  _refiner(config) {
    return this._network("transform.after", config, COLORS * BLOCK ** 2, COLORS * BLOCK ** 2);
  }

  _predictor(config) {
    const area = config.fold ** 2;
    const name = `transform.predictors.${config.stride}`;
    return { ...this._network(name, config, COLORS * area, 3 * COLORS * area), fold: config.fold };
  }

  /** Read a residual network whose blocks are modulated by the step. */
  _network(name, { width, hidden, blocks }, inputs, outputs) {
    const narrow = hidden || width;
    const conv = (part, to, from, after) =>
      this._layers.conv(...this._layers.stored(`${name}.${part}`, to, from, 3, 3), from, after);
    return {
      width,
      enter: conv("enter", width, inputs),
      blocks: Array.from({ length: blocks }, (_, number) => {
        const block = `blocks.${number}`;
        const second = hidden
          ? this._layers.conv(...this._layers.stored(`${name}.${block}.second`, width, hidden), hidden)
          : conv(`${block}.second`, width, width);
        return { first: conv(`${block}.first`, narrow, width, this._modulation(`${name}.${block}`, narrow)), second };
      }),
      leave: conv("leave", outputs, width),
    };
  }

  /** Return scale and shift of the channels inside a block; both are part of its first convolution. */
  _modulation(name, channels) {
    const [weight, bias] = this._layers.stored(`${name}.modulation`, 2 * channels, 2);
    const both = bias.map((value, n) => weight[2 * n] * this._condition[0] + weight[2 * n + 1] * this._condition[1] + value);
    return { scale: both.slice(0, channels).map((value) => 1 + value), shift: both.slice(channels) };
  }

  _run(network, x) {
    const h = this._layers.apply(x, network.enter, NO_ACTIVATION);
    for (const { first, second } of network.blocks) {
      const inner = this._layers.apply(h, first, SLOPE);
      this._layers.apply(inner, second, SLOPE, h);
      this._layers.free(inner);
    }
    return this._layers.apply(h, network.leave, SLOPE);
  }

  /** Change planes (3, height, width) by the network after the wavelet. */
  _refine(planes, height, width) {
    this._memory.scope(() => {
      const { net_block_mean: blockMean, net_window_mean: windowMean, net_fold: fold, net_unfold: unfold } = this._memory.functions;
      const [h, w] = [height / BLOCK, width / BLOCK];
      const [blocks, means] = [this._memory.floats(COLORS * h * w), this._memory.floats(COLORS * h * w)];
      blockMean(planes, COLORS, height, width, BLOCK, 1 / this._step, blocks);
      windowMean(blocks, COLORS, h, w, GROUND, 1, this._memory.floats(h * w), means);
      const x = this._layers.map(h, w, COLORS * BLOCK ** 2);
      fold(planes, COLORS, height, width, BLOCK, 1 / this._step, means, BLOCK, x.at, x.channels);
      const change = this._run(this._after, x);
      unfold(change.at, change.channels, COLORS, height, width, BLOCK, this._step * OUTPUT_SCALE, planes, planes);
    });
  }

  /** Add the predicted details of a low band (3, h, w) to subbands (9, h, w). */
  _predict(predictor, low, h, w, bands) {
    this._memory.scope(() => {
      const { net_window_mean: windowMean, net_fold: fold, net_unfold: unfold } = this._memory.functions;
      const means = this._memory.floats(COLORS * h * w);
      windowMean(low, COLORS, h, w, PREDICTOR_WINDOW, 1 / this._step, this._memory.floats(h * w), means);
      const side = predictor.fold;
      const x = this._layers.map(h / side, w / side, COLORS * side ** 2);
      this._layers.view(x).fill(0);
      fold(low, COLORS, h, w, side, 1 / this._step, means, 1, x.at, filledChannels(x.channels));
      const details = this._run(predictor, x);
      unfold(details.at, filledChannels(details.channels), 3 * COLORS, h, w, side, this._step, bands, bands);
    });
  }

  /** Return the address of a part of the planes of a picture. */
  _crop(picture, part) {
    const planes = this._memory.floats(COLORS * part.height * part.width);
    const to = this._memory.floatsAt(planes, COLORS * part.height * part.width);
    const from = this._memory.floatsAt(picture.low, COLORS * picture.height * picture.width);
    for (let row = 0; row < COLORS * part.height; row++) {
      const [color, i] = [Math.floor(row / part.height), row % part.height];
      const start = (color * picture.height + part.top + i) * picture.width + part.left;
      to.set(from.subarray(start, start + part.width), row * part.width);
    }
    return planes;
  }
}

/** Return a part with what a network sees around it, in whole blocks. */
function around(part, reach, { height, width }) {
  const top = Math.floor(Math.max(0, part.top - reach) / BLOCK) * BLOCK;
  const left = Math.floor(Math.max(0, part.left - reach) / BLOCK) * BLOCK;
  const bottom = Math.min(height, Math.ceil((part.top + part.height + reach) / BLOCK) * BLOCK);
  const right = Math.min(width, Math.ceil((part.left + part.width + reach) / BLOCK) * BLOCK);
  return { top, left, height: bottom - top, width: right - left };
}
