/** Layers of networks over maps (height, width, channels) in the memory of the module. */
import { VqzError, demand } from "./errors.js";

const UNIT = 4; // channels are filled with zeros up to a multiple of this
export const NO_ACTIVATION = 1; // slopes of the leaky ReLU before a convolution
export const RELU = 0;

export const filledChannels = (channels) => Math.ceil(channels / UNIT) * UNIT;

/**
 * A map in memory.
 * @typedef {object} FeatureMap
 * @property {number} at address of (height, width, filled) floats
 * @property {number} height
 * @property {number} width
 * @property {number} channels
 */

/** Makes maps and layers; what it allocates belongs to the scope of the memory. */
export class Layers {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {import("./model.js").Tensors} tensors
   */
  constructor(memory, tensors) {
    this.memory = memory;
    this.tensors = tensors;
  }

  /** @returns {FeatureMap} whose numbers are not zeroed */
  map(height, width, channels) {
    const at = this.memory.floats(height * width * filledChannels(channels));
    return { at, height, width, channels };
  }

  free(map) {
    this.memory.free(map.at);
  }

  view(map) {
    return this.memory.floatsAt(map.at, map.height * map.width * filledChannels(map.channels));
  }

  /** Return weight and bias of a layer as they are stored, all numbers finite. */
  stored(name, ...shape) {
    return [this.numbers(`${name}.weight`, ...shape), this.numbers(`${name}.bias`, shape[0])];
  }

  numbers(name, ...shape) {
    const numbers = this.tensors.take(name, ...shape);
    demand(numbers.every(Number.isFinite), `The tensor '${name}' of the model holds a number that is not finite.`);
    return numbers;
  }

  /**
   * Return a convolution of 3 x 3, or of 1 x 1, from weights (outputs, inputs, side, side).
   * @param {Float32Array} weight
   * @param {Float32Array} bias
   * @param {number} inputs
   * @param {{scale: Float32Array, shift: Float32Array}} [after] of every output
   */
  conv(weight, bias, inputs, after) {
    const outputs = bias.length;
    const taps = weight.length / (inputs * outputs);
    const scale = after?.scale ?? new Float32Array(outputs).fill(1);
    const [rows, columns] = [filledChannels(inputs), filledChannels(outputs)];
    const packed = new Float32Array(taps * rows * columns);
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        for (let tap = 0; tap < taps; tap++)
          packed[(tap * rows + i) * columns + o] = scale[o] * weight[(o * inputs + i) * taps + tap];
    const biases = new Float32Array(columns);
    bias.forEach((value, o) => {
      biases[o] = scale[o] * value + (after?.shift[o] ?? 0);
    });
    return { taps, inputs, outputs, weight: this._ready(packed, taps, rows, columns), bias: this.memory.copy(biases) };
  }

  /** Return weights of a convolution as the module takes them. */
  _ready(packed, taps, rows, columns) {
    if (taps === 1) return this.memory.copy(packed);
    return this.memory.scope((keep) => {
      const at = this.memory.copy(packed);
      const prepared = this.memory.floats(36 * rows * columns);
      this.memory.functions.net_prepare(at, rows, columns, prepared);
      return keep(prepared);
    });
  }

  /**
   * Return residual + conv(act(x)).
   * @param {FeatureMap} x
   * @param {object} layer from `conv`
   * @param {number} slope of the activation
   * @param {FeatureMap} [residual] becomes the result
   */
  apply(x, layer, slope, residual) {
    const y = residual ?? this.map(x.height, x.width, layer.outputs);
    const [inputs, outputs] = [filledChannels(layer.inputs), filledChannels(layer.outputs)];
    const last = [layer.weight, layer.bias, slope, residual ? y.at : 0, y.at];
    const { net_conv1: conv1, net_conv3: conv3 } = this.memory.functions;
    const result =
      layer.taps === 1
        ? conv1(x.at, x.height * x.width, inputs, outputs, ...last)
        : conv3(x.at, x.height, x.width, inputs, outputs, ...last);
    if (result) throw new VqzError("The picture needs more memory than this browser gives to a page.");
    return y;
  }

  /** Return a transposed convolution that doubles the sides, from weights (inputs, outputs, 4, 4). */
  doubling(weight, bias, inputs) {
    const outputs = bias.length;
    const [rows, columns] = [filledChannels(inputs), filledChannels(outputs)];
    const packed = new Float32Array(16 * rows * columns);
    for (let tap = 0; tap < 16; tap++) {
      // Taps of an even output are 3 and 1, those of an odd one 2 and 0.
      const [row, column] = [kernelTap(tap >> 3, (tap >> 1) & 1), kernelTap((tap >> 2) & 1, tap & 1)];
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++)
          packed[(tap * rows + i) * columns + o] = weight[((i * outputs + o) * 4 + row) * 4 + column];
    }
    const biases = new Float32Array(columns);
    biases.set(bias);
    return { inputs, outputs, weight: this.memory.copy(packed), bias: this.memory.copy(biases) };
  }

  /** Return a map of twice the height and width. */
  double(x, layer, slope) {
    const y = this.map(2 * x.height, 2 * x.width, layer.outputs);
    const [inputs, outputs] = [filledChannels(layer.inputs), filledChannels(layer.outputs)];
    const { net_double: double } = this.memory.functions;
    if (double(x.at, x.height, x.width, inputs, outputs, layer.weight, layer.bias, slope, y.at))
      throw new VqzError("The picture needs more memory than this browser gives to a page.");
    return y;
  }
}

/** Return the row of a kernel of 4 for the parity of an output and one of its two inputs. */
function kernelTap(parity, input) {
  return parity ? 2 - 2 * input : 3 - 2 * input;
}
