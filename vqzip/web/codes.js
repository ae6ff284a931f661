/** Payloads of a stream tile to codes, level by level: vqzip/codec/tile_streams.py. */
import { VqzError, demand } from "./errors.js";

const DONE = 0;
const FAULTS = new Map([
  [1, "The picture needs more memory than this browser gives to a page."],
  [3, "A code is too large; the file is damaged, download it again."],
  [4, "A code has no end; the file is damaged, download it again."],
]);

function check(result) {
  if (result !== DONE) throw new VqzError(FAULTS.get(result) ?? "The sizes of the model contradict each other.");
}

/** Reads a stream of the walk. */
class StreamReader {
  constructor(memory, payload) {
    this._memory = memory;
    const words = new Uint32Array(payload.slice().buffer);
    demand(!words.length || words.at(-1) !== 0, "A stream ends in a zero; the file is damaged, download it again.");
    let left = words.length;
    let state = 0n;
    while (state < 1n << 32n && left) state = (state << 32n) | BigInt(words[--left]);
    this.at = memory.structure("Reader", { words: memory.copy(words), left, state });
  }

  /** Return how many bits are left, the state's among them. */
  bits() {
    const state = Number(this._memory.field("Reader", this.at, "state"));
    return 32 * Number(this._memory.field("Reader", this.at, "left")) + Math.log2(Math.max(state, 1));
  }

  finish() {
    const left = this._memory.field("Reader", this.at, "left") || this._memory.field("Reader", this.at, "state");
    demand(left === 0n, "A stream does not end where its codes do; the file is damaged, download it again.");
  }
}

/** Reads the codes of one stream tile; call `read` once for each level. Its memory is that of the scope. */
export class TileReader {
  /**
   * @param {import("./memory.js").Memory} memory
   * @param {import("./hierarchy.js").Hierarchy} hierarchy
   * @param {import("./prior.js").Prior} prior
   * @param {{row: number, mostStages: number}} condition
   * @param {{height: number, width: number}} size in pixels
   * @param {Uint8Array[]} payloads one for each stream
   */
  constructor(memory, hierarchy, prior, condition, size, payloads) {
    Object.assign(this, { memory, hierarchy, prior, condition, size, payloads });
    this._readers = new Map();
    this._level = -1;
    this._state = { at: 0, height: 0, width: 0 };
    this._codes = 0;
  }

  /**
   * Read the next level.
   * @returns {{codes: Int32Array, height: number, width: number, bits: number}} codes (C, height, width)
   */
  read() {
    this._advance();
    const level = this.prior.levels[this._level];
    const [height, width] = this._shape();
    this._codes = this.memory.allocate(4 * level.channels * height * width);
    this._codesView().fill(0);
    const reader = this._reader();
    const before = reader.bits();
    check(this.memory.functions.vqz_read(level.at, this._job(), reader.at, 0n));
    const bits = before - reader.bits();
    const stream = this.hierarchy.streamOfLevel[this._level];
    if (this.hierarchy.streamOfLevel[this._level + 1] !== stream) reader.finish();
    return { codes: this._codesView().slice(), height, width, bits };
  }

  /** Return the code lengths in bits of the level that was read last, (height, width), summed over channels. */
  codeLengths() {
    return this.memory.scope(() => {
      const level = this.prior.levels[this._level];
      const [height, width] = this._shape();
      const stages = Math.min(this.condition.mostStages, level.stages);
      const coded = level.codesOfStages.slice(0, stages).reduce((a, b) => a + b);
      const record = this.memory.allocate(8 * height * width * coded);
      const bits = this.memory.floats(height * width);
      this.memory.floatsAt(bits, height * width).fill(0);
      check(this.memory.functions.net_code_lengths(level.at, this._job(record), 0n, bits));
      return this.memory.floatsAt(bits, height * width).slice();
    });
  }

  /** Free what grows with the tile. */
  close() {
    if (this._codes) this.memory.free(this._codes);
    if (this._state.at) this.memory.free(this._state.at);
  }

  /** Make the state of the next level, of the codes of the last one. */
  _advance() {
    if (this._level >= 0) {
      const level = this.prior.levels[this._level];
      const scale = level.halves ? 2 : 1;
      const [height, width] = this._shape().map((side) => side * scale);
      const count = height * width * level.nextState;
      const at = this.memory.allocate(2 * count);
      check(this.memory.functions.vqz_advance(level.at, this._job(), at, BigInt(count), 0n));
      this.memory.free(this._codes);
      if (this._state.at) this.memory.free(this._state.at);
      this._state = { at, height, width };
    }
    this._level += 1;
  }

  _shape() {
    return this.hierarchy.shape(this._level, this.size.height, this.size.width);
  }

  _codesView() {
    const [height, width] = this._shape();
    return this.memory.view(Int32Array, this._codes, this.prior.levels[this._level].channels * height * width);
  }

  _reader() {
    const stream = this.hierarchy.streamOfLevel[this._level];
    if (!this._readers.has(stream)) this._readers.set(stream, new StreamReader(this.memory, this.payloads[stream]));
    return this._readers.get(stream);
  }

  _job(record = 0) {
    const [height, width] = this._shape();
    const level = this.prior.levels[this._level];
    const side = this.hierarchy.side(this._level);
    return this.memory.structure("Job", {
      height,
      width,
      state: this._state.at,
      stateHeight: this._state.height || height,
      stateWidth: this._state.width || width,
      condition: this.condition.row,
      codedStages: Math.min(this.condition.mostStages, level.stages),
      firstTile: 0,
      lastTile: Math.ceil(height / side) * Math.ceil(width / side),
      codes: this._codes,
      record,
    });
  }
}
