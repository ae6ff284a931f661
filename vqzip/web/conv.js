/** The residual decoders of VQ-VAE and VQ-VAE-2: vqzip/autoencoders/onnx/conv_graphs.py. */
import { demand } from "./errors.js";
import { Layers, NO_ACTIVATION, RELU, filledChannels } from "./layers.js";

const PIXEL_CENTER = 127.5;
const PIXEL_SCALE = 127.5;

const log2 = (x) => Math.round(Math.log2(x));

/** Decodes with a model of codebooks. */
export class Conv {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {object} config of the model
   * @param {import("./model.js").Tensors} tensors
   */
  constructor(memory, config, tensors) {
    this._memory = memory;
    this._layers = new Layers(memory, tensors);
    this._levels = config.vqvae.levels;
    this._config = config.vqvae.transform;
    this._books = this._levels.map(({ groups, depth, quantizer: { size, dim } }, number) =>
      this._layers.numbers(`quantizers.${number}.codebooks`, groups, depth, size, dim),
    );
    this._read();
    const finest = this._levels.at(-1).stride;
    const coarsest = this._levels[0].stride;
    /** A pixel depends on no code whose cell is farther than this. */
    this.reach = (coarsest - 1) * 2 + finest * (1 + this._config.residual_blocks) - (coarsest - 1);
  }

  /** Return a picture that has no level yet, of a crop of this height and width in pixels. */
  begin(height, width) {
    return { levels: [], height, width };
  }

  /** Add the next level: codes (C, h, w) of the crop, or null for none. */
  add(picture, codes) {
    picture.levels.push(codes);
  }

  /** Return pixels of a part of a picture with all its levels, RGBA. */
  pixels(picture, part, gray) {
    return this._memory.scope(() => {
      const map = this._decode(picture);
      const matrix = [0, 1, 2].flatMap((c) => [0, 1, 2].map((k) => (k === c ? PIXEL_SCALE : 0)).concat(PIXEL_CENTER));
      const stride = filledChannels(map.channels);
      const out = this._memory.allocate(4 * part.height * part.width);
      this._memory.functions.net_pixels(
        map.at + 4 * stride * (part.top * map.width + part.left), 1, map.width * stride, stride, part.height, part.width,
        this._memory.copy(Float32Array.from(matrix)), gray ? 1 : 0, out, part.width,
      );
      return this._memory.view(Uint8ClampedArray, out, 4 * part.height * part.width).slice();
    });
  }

  _read() {
    const { hidden, residual_hidden: narrow, residual_blocks: blocks } = this._config;
    const finest = this._levels.at(-1).stride;
    const name = "transform.to_pixels";
    const widths = this._levels.map(({ groups, quantizer }) => groups * quantizer.dim);
    const conv = (part, outputs, inputs, side) =>
      this._layers.conv(...this._layers.stored(`${name}.${part}`, outputs, inputs, side, side), inputs);
    const doublings = (part, inputs, outputs, first) =>
      outputs.map((width, number) => {
        const place = `${name}.${part}.${first + 2 * number}`;
        const from = number ? outputs[number - 1] : inputs;
        const weight = this._layers.numbers(`${place}.weight`, from, width, 4, 4);
        return this._layers.doubling(weight, this._layers.numbers(`${place}.bias`, width), from);
      });
    this._raise = this._levels.map(({ stride }, number) => {
      demand(Number.isInteger(Math.log2(stride / finest)), "The model's strides are no powers of two apart.");
      return doublings(`upsample.${number}`, widths[number], Array(log2(stride / finest)).fill(widths[number]), 0);
    });
    this._enter = conv("layers.0", hidden, widths.reduce((a, b) => a + b), 3);
    this._blocks = Array.from({ length: blocks }, (_, number) => ({
      first: conv(`layers.1.${number}.branch.1`, narrow, hidden, 3),
      second: conv(`layers.1.${number}.branch.3`, hidden, narrow, 1),
    }));
    const count = log2(finest);
    const outputs = count ? [...Array(count - 1).fill(hidden), hidden >> 1, 3].slice(-count) : [];
    this._last = count ? null : conv("layers.2", 3, hidden, 1);
    this._leave = doublings("layers", hidden, outputs, 2);
  }

  /** Return the map of colors that the networks make. */
  _decode(picture) {
    const raised = picture.levels.map((codes, level) => this._raised(picture, codes, level));
    let x = this._layers.apply(this._joined(raised), this._enter, NO_ACTIVATION);
    for (const { first, second } of this._blocks) {
      const inner = this._layers.apply(x, first, RELU);
      this._layers.apply(inner, second, RELU, x);
      this._layers.free(inner);
    }
    if (this._last) return this._layers.apply(x, this._last, RELU);
    for (const layer of this._leave) {
      // A stack of residual blocks ends in an activation, and every doubling but the last has one after it.
      const wider = this._layers.double(x, layer, RELU);
      this._layers.free(x);
      x = wider;
    }
    return x;
  }

  /** Return the quantized latents of a level at the stride of the finest. */
  _raised(picture, codes, level) {
    const { stride } = this._levels[level];
    let map = this._quantized(codes, level, picture.height / stride, picture.width / stride);
    this._raise[level].forEach((layer, number) => {
      map = this._layers.double(map, layer, number ? RELU : NO_ACTIVATION);
    });
    return map;
  }

  _joined(maps) {
    if (maps.length === 1) return maps[0];
    const channels = maps.reduce((sum, map) => sum + map.channels, 0);
    const wide = this._layers.map(maps[0].height, maps[0].width, channels);
    this._layers.view(wide).fill(0);
    let first = 0;
    for (const map of maps) {
      const view = [this._layers.view(map), this._layers.view(wide)];
      beside(...view, map, channels, first);
      first += map.channels;
    }
    return wide;
  }

  /** Return the sums of codewords, or the mean codeword where codes are unknown. */
  _quantized(codes, level, height, width) {
    const { groups, depth, quantizer } = this._levels[level];
    const { size, dim } = quantizer;
    const book = this._books[level];
    const map = this._layers.map(height, width, groups * dim);
    const stride = filledChannels(map.channels);
    const out = this._layers.view(map);
    out.fill(0);
    const positions = height * width;
    for (let channel = 0; channel < groups * depth; channel++) {
      const first = Math.floor(channel / depth) * dim;
      const words = book.subarray(channel * size * dim, (channel + 1) * size * dim);
      const mean = codes ? null : meanWord(words, size, dim);
      for (let n = 0; n < positions; n++) {
        const code = codes ? codes[channel * positions + n] : 0;
        const word = mean ?? words;
        for (let d = 0; d < dim; d++) out[n * stride + first + d] += word[code * dim + d];
      }
    }
    return map;
  }
}

function meanWord(words, size, dim) {
  const mean = new Float32Array(dim);
  for (let n = 0; n < size * dim; n++) mean[n % dim] += words[n] / size;
  return mean;
}

/** Copy the channels of a map into a wider one, from channel `first` on. */
function beside(from, to, map, channels, first) {
  const [narrow, wide] = [filledChannels(map.channels), filledChannels(channels)];
  for (let n = 0; n < map.height * map.width; n++)
    for (let c = 0; c < map.channels; c++) to[n * wide + first + c] = from[n * narrow + c];
}
