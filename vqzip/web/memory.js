/** The memory of the WebAssembly module, and the structures that its functions take. */
import { VqzError } from "./errors.js";

/** Fields of the structures of walk.c: p a pointer, q 64 bits, d a double. */
const STRUCTURES = {
  Weights: { weight: "p", pairs: "q", lanes: "q" },
  Rounding: { bias: "p", shift: "p", conditions: "q", lanes: "q" },
  Stage: {
    channels: "p", codes: "q", fromFirst: "Weights", fromWords: "Weights", hidden: "Rounding",
    fromHidden: "Weights", out: "Rounding",
  },
  Update: { fromValues: "Weights", fromWords: "Weights", rounding: "Rounding", kernel: "q" },
  Tables: { narrow: "p", wide: "p", lowBits: "p", escapeOrder: "p", windowBits: "p", narrowRows: "q" },
  Level: {
    channels: "q", wordsOfCode: "q", side: "q", codewords: "q", state: "q", nextState: "q", halves: "q",
    neighborMean: "q", features: "p", tables: "p", exp2: "p", fromState: "Weights", fromTaps: "Weights",
    first: "Rounding", stages: "p", stageCount: "q", updates: "p", updateCount: "q",
  },
  Job: {
    height: "q", width: "q", state: "p", stateHeight: "q", stateWidth: "q", condition: "q", codedStages: "q",
    firstTile: "q", lastTile: "q", codes: "p", record: "p",
  },
  GridChoice: { latents32: "p", latents64: "p", bitPrice: "d", deadzone: "d" },
  BookChoice: {
    residuals: "p", codewords: "p", norms: "p", bits: "p", groups: "q", depth: "q", dim: "q", unit: "d",
    bitPrice: "d",
  },
  Reader: { words: "p", left: "q", state: "q" },
  Writer: { symbols: "p", count: "q", capacity: "q", probability: "d", exponent: "q" },
  Drawer: { nextDouble: "p", generator: "p", narrow: "p", wide: "p" },
};

/** What `vqz_layout` multiplies the sizes of structures with. */
const LAYOUT = {
  Level: 1, Job: 7, Stage: 11, Update: 13, Tables: 17, GridChoice: 19, BookChoice: 23, Reader: 29, Writer: 31,
  Drawer: 37,
};

const layouts = new Map();

/** Return size, alignment, and the offset of every field of a type. */
function layout(type) {
  if (type === "p") return { size: 4, align: 4 };
  if (type === "q" || type === "d") return { size: 8, align: 8 };
  if (!layouts.has(type)) {
    const fields = new Map();
    let size = 0;
    let align = 1;
    for (const [name, kind] of Object.entries(STRUCTURES[type])) {
      const inner = layout(kind);
      const offset = Math.ceil(size / inner.align) * inner.align;
      fields.set(name, { kind, offset });
      size = offset + inner.size;
      align = Math.max(align, inner.align);
    }
    layouts.set(type, { size: Math.ceil(size / align) * align, align, fields });
  }
  return layouts.get(type);
}

/** The module's exports, and what is allocated in its memory. */
export class Memory {
  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    this.functions = instance.exports;
    this.functions._initialize();
    this._scopes = [];
    const sizes = Object.entries(LAYOUT).map(([name, factor]) => factor * layout(name).size);
    if (Number(this.functions.vqz_layout()) !== sizes.reduce((a, b) => a + b))
      throw new VqzError("The decoder does not fit the page; reload it without the cache.");
  }

  /**
   * Free what `work` allocates when it ends, except what it hands to `keep`.
   * @template T
   * @param {(keep: (at: number) => number) => T} work
   * @returns {T}
   */
  scope(work) {
    const mine = new Set();
    const outer = this._scopes.at(-1);
    this._scopes.push(mine);
    const keep = (at) => {
      mine.delete(at);
      outer?.add(at);
      return at;
    };
    try {
      return work(keep);
    } finally {
      this._scopes.pop();
      for (const at of mine) this.functions.free(at);
    }
  }

  /** Return the address of so many bytes, which are not zeroed. */
  allocate(bytes) {
    const at = this.functions.malloc(Math.max(bytes, 1)) >>> 0;
    if (!at) throw new VqzError("The picture needs more memory than this browser gives to a page.");
    this._scopes.at(-1)?.add(at);
    return at;
  }

  /** Free something before its scope ends. */
  free(at) {
    this._scopes.at(-1)?.delete(at);
    this.functions.free(at);
  }

  floats(count) {
    return this.allocate(4 * count);
  }

  /** Return the address of a copy of a typed array. */
  copy(array) {
    const at = this.allocate(array.byteLength);
    this.view(array.constructor, at, array.length).set(array);
    return at;
  }

  /** Return a view of the memory, which is good until the next allocation. */
  view(type, at, count) {
    return new type(this.functions.memory.buffer, at, count);
  }

  floatsAt(at, count) {
    return this.view(Float32Array, at, count);
  }

  /** Return the address of an array of structures with these values; fields that are left out are 0. */
  structures(type, list) {
    const { size } = layout(type);
    const at = this.allocate(size * list.length);
    this.view(Uint8Array, at, size * list.length).fill(0);
    list.forEach((values, number) => this._write(type, at + number * size, values));
    return at;
  }

  structure(type, values) {
    return this.structures(type, [values]);
  }

  /** Return a number of 64 bits in a structure. */
  field(type, at, name) {
    return this._data().getBigUint64(at + layout(type).fields.get(name).offset, true);
  }

  _write(type, at, values) {
    for (const [name, value] of Object.entries(values)) {
      const { kind, offset } = layout(type).fields.get(name);
      if (kind === "p") this._data().setUint32(at + offset, value, true);
      else if (kind === "q") this._data().setBigInt64(at + offset, BigInt.asIntN(64, BigInt(value)), true);
      else this._write(kind, at + offset, value);
    }
  }

  _data() {
    return new DataView(this.functions.memory.buffer);
  }
}
