/** The prior of a model as structures of the compiled walk: vqzip/prior/compiled/pack.py. */
import { demand } from "./errors.js";

const LANES = 16;
const TAPS = 12;
const MAGNITUDES = 256;
const LARGEST_ACTIVATION = 2047;
const LARGEST_SUM = 2 ** 31 - 1;
const LARGEST_SHIFT = 31;
const TOTAL = 2 ** 16;
const POINTS = 2 ** 24;
const SCALES = 64;
const FRACTIONS = 16;
const NARROW = { radius: 1, stride: 8 };
const WIDE = { radius: 14, stride: 32 };
const NOTHING = -1; // stands for a row of zeros

const range = (count, first = 0) => Array.from({ length: count }, (_, n) => first + n);
const lanesOf = (outputs) => Math.ceil(outputs / LANES) * LANES;

/** Rows, and zeros up to a multiple of `unit`. */
function filled(rows, unit) {
  return [...rows, ...Array(Math.ceil(rows.length / unit) * unit - rows.length).fill(NOTHING)];
}

/** Rows of the features of codes, `width` of them a code, in pairs. */
function wordRows(rows, width) {
  return range(rows.length / width).flatMap((code) => filled(rows.slice(code * width, (code + 1) * width), 2));
}

/** The prior of every level. Its memory is never freed. */
export class Prior {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {import("./hierarchy.js").Hierarchy} hierarchy
   * @param {object} config of the model
   * @param {import("./model.js").Tensors} tensors
   */
  constructor(memory, hierarchy, config, tensors) {
    this._memory = memory;
    this._hierarchy = hierarchy;
    this._config = config.prior;
    this._tensors = tensors;
    this._grid = config.prior.head === "logistic";
    this._features = this._grid ? 2 : config.prior.embedding;
    if (this._grid) this._shared = this._gridTables();
    /** Addresses of the levels' structures, and what callers need to know of them. */
    this.levels = range(hierarchy.levels.length).map((level) => this._level(level));
  }

  _level(number) {
    const config = this._config.levels[number];
    const last = number + 1 === this._config.levels.length;
    const own = this._grid ? this._shared : this._codebook(number);
    const order = this._stageOrder(config);
    const updates = last ? [] : this._updates(number, order, own.largest);
    const channels = this._hierarchy.channels(number);
    const known = {
      channels,
      state: config.state,
      nextState: last ? 0 : this._config.levels[number + 1].state,
      halves: !last && this._hierarchy.halves(number),
      stages: config.stages.length,
      codesOfStages: config.stages.map((stage) => stage.channels.length),
    };
    const first = this._layer(`levels.${number}.first`, config.hidden, [
      [config.state, LARGEST_ACTIVATION],
      [TAPS * order.length, own.largest],
    ]);
    const taps = range(TAPS).flatMap((tap) => order.map((at) => config.state + tap * order.length + at));
    const stages = this._stages(number, own.largest);
    known.at = this._memory.structure("Level", {
      channels,
      wordsOfCode: Math.ceil(this._features / 2),
      side: this._hierarchy.side(number),
      codewords: own.codewords,
      state: known.state,
      nextState: known.nextState,
      halves: known.halves ? 1 : 0,
      neighborMean: config.neighbour_mean ? 1 : 0,
      features: own.features,
      tables: own.tables,
      exp2: own.exp2,
      fromState: this._weights(first, filled(range(config.state), 2)),
      fromTaps: this._weights(first, wordRows(taps, this._features)),
      first: this._rounding(first),
      stages: this._memory.structures("Stage", stages),
      stageCount: stages.length,
      updates: updates.length ? this._memory.structures("Update", updates) : 0,
      updateCount: updates.length,
    });
    return known;
  }

  /** Return, for a position's features in the order of stages, where each lies in that of channels. */
  _stageOrder(config) {
    const channels = config.stages.flatMap((stage) => stage.channels);
    return this._columns(channels, channels.length);
  }

  /** Return where the features of channels lie among those of `of` channels. */
  _columns(channels, of) {
    if (this._grid) return channels.flatMap((channel) => [channel, of + channel]);
    return channels.flatMap((channel) => range(this._features, channel * this._features));
  }

  _stages(number, largest) {
    const config = this._config.levels[number];
    let known = range(config.hidden);
    return config.stages.map((stage, index) => {
      const name = `levels.${number}.stages.${index}`;
      const codes = stage.channels.length;
      const outputs = this._grid ? 2 * codes : codes * this._hierarchy.levels[number].quantizer.size;
      const hidden = this._layer(`${name}.hidden`, stage.hidden, [
        [config.hidden, LARGEST_ACTIVATION],
        [known.length - config.hidden, largest],
      ]);
      const out = this._layer(`${name}.out`, outputs, [[stage.hidden, LARGEST_ACTIVATION]]);
      const made = {
        channels: this._memory.copy(Int32Array.from(stage.channels)),
        codes,
        fromFirst: this._weights(hidden, filled(range(config.hidden), LANES)),
        fromWords: this._weights(hidden, wordRows(known.slice(config.hidden), this._features)),
        hidden: this._rounding(hidden),
        fromHidden: this._weights(out, filled(range(stage.hidden), LANES)),
        out: this._rounding(out),
      };
      const length = known.length;
      known = known.concat(this._columns(range(codes), codes).map((at) => length + at));
      return made;
    });
  }

  _updates(number, order, largest) {
    const { state, update } = this._config.levels[number];
    const next = this._config.levels[number + 1].state;
    const halves = this._hierarchy.halves(number);
    const layers = [...update, { kernel: 1, width: next * (halves ? 4 : 1) }];
    let inputs = state + order.length;
    return layers.map(({ kernel, width }, index) => {
      const places = range(kernel * kernel);
      const values = index ? inputs : state;
      const layer = this._layer(
        `levels.${number}.update.${index}`,
        width,
        places.flatMap(() => [
          [values, LARGEST_ACTIVATION],
          [inputs - values, largest],
        ]),
      );
      // The four positions one after the other, the channels of each together.
      const four = index + 1 === layers.length && halves;
      const outputs = four ? range(4).flatMap((at) => range(next).map((channel) => 4 * channel + at)) : range(width);
      const stride = inputs;
      const valueRows = places.flatMap((place) => filled(range(values, place * stride), index ? LANES : 2));
      const wordPlaces = index ? [] : places.flatMap((place) => order.map((at) => place * stride + state + at));
      inputs = width;
      return {
        fromValues: this._weights(layer, valueRows, outputs),
        fromWords: this._weights(layer, wordRows(wordPlaces, this._features), outputs),
        rounding: this._rounding(layer, outputs),
        kernel,
      };
    });
  }

  /**
   * Return a layer, after the proof that no partial sum leaves 32 bits.
   * @param {string} name
   * @param {number} outputs
   * @param {[number, number][]} inputs how many, and their largest magnitude
   */
  _layer(name, outputs, inputs) {
    const largest = inputs.flatMap(([count, most]) => Array(count).fill(most));
    const weight = this._tensors.take(`${name}.weight`, largest.length, outputs);
    const bias = this._tensors.take(`${name}.bias`, this._hierarchy.conditions, outputs);
    const shift = this._tensors.take(`${name}.shift`, outputs);
    const sums = new Float64Array(outputs);
    for (let n = 0; n < bias.length; n++) sums[n % outputs] = Math.max(sums[n % outputs], Math.abs(bias[n]));
    for (let n = 0; n < weight.length; n++)
      sums[n % outputs] += largest[Math.floor(n / outputs)] * Math.abs(weight[n]);
    demand(
      sums.every((sum) => sum <= LARGEST_SUM) && shift.every((bits) => bits >= 0),
      "This model needs sums of 64 bits, which this page does not compute; use `vqzip decode`.",
    );
    return { weight, bias, shift, outputs };
  }

  /** Return the weights of some rows as a structure: (pairs, lanes, 2). */
  _weights({ weight, outputs }, rows, order = range(outputs)) {
    const lanes = lanesOf(outputs);
    const packed = new Int16Array(rows.length * lanes);
    rows.forEach((row, at) => {
      if (row === NOTHING) return;
      const start = (at >> 1) * lanes * 2 + (at & 1);
      for (let lane = 0; lane < outputs; lane++) packed[start + 2 * lane] = weight[row * outputs + order[lane]];
    });
    return { weight: rows.length ? this._memory.copy(packed) : 0, pairs: rows.length / 2, lanes };
  }

  _rounding({ bias, shift, outputs }, order = range(outputs)) {
    const lanes = lanesOf(outputs);
    const conditions = bias.length / outputs;
    const biases = new Int32Array(conditions * lanes);
    const shifts = new Int32Array(lanes);
    order.forEach((from, lane) => {
      shifts[lane] = Math.min(shift[from], LARGEST_SHIFT);
      for (let row = 0; row < conditions; row++) biases[row * lanes + lane] = bias[row * outputs + from];
    });
    return { bias: this._memory.copy(biases), shift: this._memory.copy(shifts), conditions, lanes };
  }

  /** Return what levels with codes of a grid share. */
  _gridTables() {
    const magnitude = this._tensors.take("features.magnitude", MAGNITUDES);
    const features = new Int16Array(2 * (2 * MAGNITUDES - 1));
    range(2 * MAGNITUDES - 1, 1 - MAGNITUDES).forEach((code, at) => {
      features[2 * at] = Math.sign(code) * magnitude[Math.abs(code)];
      features[2 * at + 1] = magnitude[Math.abs(code)];
    });
    const narrowScales = this._tensors.length("tables.narrow");
    const narrow = this._counts("tables.narrow", narrowScales, NARROW);
    const wide = this._counts("tables.wide", SCALES, WIDE);
    const [lowBits, escapeOrder] = ["low_bits", "escape_order"].map((name) => {
      const table = this._tensors.take(`tables.${name}`, SCALES);
      demand(table.every((bits) => bits >= 0 && bits <= 15), "A table of the model is damaged; reload the page.");
      return Uint8Array.from({ length: SCALES * FRACTIONS }, (_, row) => table[row >> 4]);
    });
    const tables = this._memory.structure("Tables", {
      narrow: this._memory.copy(boundaries(narrow, NARROW)),
      wide: this._memory.copy(boundaries(wide, WIDE)),
      lowBits: this._memory.copy(lowBits),
      escapeOrder: this._memory.copy(escapeOrder),
      windowBits: this._memory.copy(windowBits(narrow, wide, escapeOrder)),
      narrowRows: FRACTIONS * narrowScales,
    });
    return { features: this._memory.copy(features), tables, exp2: 0, codewords: 0, largest: largestOf(magnitude) };
  }

  /** Return rows of counts, after a check of their sums. */
  _counts(name, scales, { radius }) {
    const alphabet = 2 * radius + 3;
    const counts = this._tensors.take(name, scales, FRACTIONS, alphabet);
    for (let row = 0; row < scales * FRACTIONS; row++) {
      const own = counts.subarray(row * alphabet, (row + 1) * alphabet);
      const legal = own.every((count) => count >= 1) && own.reduce((a, b) => a + b, 0) === TOTAL;
      demand(legal, "A table of the model is damaged; reload the page.");
    }
    return counts;
  }

  _codebook(number) {
    const { size } = this._hierarchy.levels[number].quantizer;
    const channels = this._hierarchy.channels(number);
    const width = this._features;
    const embedding = this._tensors.take(`features.embedding.${number}`, channels, size, width);
    const stride = width + (width % 2);
    const features = new Int16Array(channels * size * stride);
    embedding.forEach((value, n) => {
      features[Math.floor(n / width) * stride + (n % width)] = value;
    });
    this._exp2 ??= this._memory.copy(exp2Table());
    return {
      features: this._memory.copy(features),
      tables: 0,
      exp2: this._exp2,
      codewords: size,
      largest: largestOf(embedding),
    };
  }
}

function largestOf(table) {
  const largest = table.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  demand(largest <= LARGEST_ACTIVATION, "A table of the model is damaged; reload the page.");
  return largest;
}

/** Return where each symbol begins in 2^24, and the end, in rows of `stride`. */
function boundaries(counts, { radius, stride }) {
  const size = 2 * radius + 3;
  const found = new Uint32Array((counts.length / size) * stride);
  for (let row = 0; row < counts.length / size; row++) {
    let before = 0;
    for (let symbol = 0; symbol <= size; symbol++) {
      found[row * stride + symbol] = Math.floor((before * (POINTS - size)) / TOTAL) + symbol;
      before += counts[row * size + symbol];
    }
  }
  return found;
}

function expGolombBits(order, excess) {
  return 2 * (32 - Math.clz32(excess + (1 << order))) - 1 - order;
}

/** Return the code lengths of -15 to 15 for each row, without low bits; only reports use them. */
function windowBits(narrow, wide, escapeOrder) {
  const edge = WIDE.radius + 1;
  const size = 2 * edge + 1;
  const bits = new Float64Array(SCALES * FRACTIONS * size);
  for (let n = 0; n < bits.length; n++) {
    const row = Math.floor(n / size);
    const high = (n % size) - edge;
    const isNarrow = row * (2 * NARROW.radius + 3) < narrow.length;
    const { radius } = isNarrow ? NARROW : WIDE;
    const symbol = Math.max(-radius - 1, Math.min(radius + 1, high)) + radius + 1;
    const count = (isNarrow ? narrow : wide)[row * (2 * radius + 3) + symbol];
    const excess = Math.abs(high) - radius - 1;
    bits[n] = 16 - Math.log2(count) + (excess >= 0 ? expGolombBits(escapeOrder[row], excess) : 0);
  }
  return bits;
}

/** Return floor(2^(30 - f / 256)) for f from 0 to 255, exactly. */
function exp2Table() {
  return Uint32Array.from({ length: 256 }, (_, f) => {
    const power = 1n << BigInt(30 * 256 - f);
    let root = BigInt(Math.floor(2 ** (30 - f / 256)));
    while (root ** 256n > power) root -= 1n;
    while ((root + 1n) ** 256n <= power) root += 1n;
    return Number(root);
  });
}
