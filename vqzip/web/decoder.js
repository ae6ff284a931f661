/** A whole .vqz file to codes and pixels, with one model: vqzip/codec/decoder.py. */
import { decodeAlpha } from "./alpha.js";
import { TileReader } from "./codes.js";
import { ALPHA } from "./container.js";
import { Conv } from "./conv.js";
import { demand } from "./errors.js";
import { Hierarchy } from "./hierarchy.js";
import { Memory } from "./memory.js";
import { Prior } from "./prior.js";
import { Wavelet } from "./wavelet.js";

const LARGEST_TILE_PIXELS = 2 ** 22;

/** What a level of a picture is. @typedef {{stride: number, codes: Int32Array, height: number, width: number, bits: number}} Level */

export class Decoder {
  /**
   * @param {WebAssembly.Module} module
   * @param {import("./model.js").Model} model
   * @param {number} qualityStep of the files that it decodes
   */
  constructor(module, model, qualityStep) {
    this._memory = new Memory(new WebAssembly.Instance(module));
    this.hierarchy = new Hierarchy(model.config);
    this.hierarchy.condition(qualityStep, false); // refuses a quality that the model has not
    this._prior = new Prior(this._memory, this.hierarchy, model.config, model.prior);
    const step = Math.fround(this.hierarchy.step(qualityStep));
    this._networks =
      model.config.vqvae.transform.kind === "wavelet"
        ? new Wavelet(this._memory, model.config, model.weights, step)
        : new Conv(this._memory, model.config, model.weights);
  }

  /**
   * Decode a file.
   * @param {import("./container.js").VqzFile} file
   * @param {(preview: {level: number, bits: number, rgba: Uint8ClampedArray, height: number, width: number,
   *   stride: number}) => void} [show] gets what the levels so far show, after each but the last
   *   (of networks whose levels are pictures)
   * @returns {Promise<{levels: Level[], rgba: Uint8ClampedArray}>}
   */
  async decode(file, show) {
    this._check(file);
    const alpha = await alphaOf(file);
    return this._memory.scope(() => {
      const levels = this._blank(file);
      const readers = tilesOf(file).map((tile) => ({ tile, reader: this._reader(file, tile) }));
      const whole = this._whole(file);
      const picture = this._networks.begin(whole.height, whole.width);
      const grows = show && this._networks instanceof Wavelet;
      levels.forEach((level, number) => {
        for (const { tile, reader } of readers) {
          const read = reader.read();
          put(level, read, tile);
          level.bits += read.bits;
          if (number + 1 === levels.length) reader.close();
        }
        if (grows || readers.length === 1) this._networks.add(picture, this._cropped(level, whole));
        if (grows && number + 1 < levels.length) this._show(show, picture, number, level, file);
      });
      const rgba =
        readers.length === 1
          ? this._networks.pixels(picture, { top: 0, left: 0, height: file.height, width: file.width }, file.gray)
          : this._tiles(file, levels, levels.length);
      return { levels, rgba: withAlpha(rgba, alpha) };
    });
  }

  /**
   * Return the pixels of the first levels of a decoded file, RGBA.
   * @param {import("./container.js").VqzFile} file
   * @param {Level[]} levels
   * @param {number} count
   */
  async render(file, levels, count) {
    const alpha = await alphaOf(file);
    return this._memory.scope(() => withAlpha(this._tiles(file, levels, count), alpha));
  }

  /** Return the code lengths of every position of every level in bits, summed over its channels. */
  codeLengths(file) {
    this._check(file);
    const maps = this._blank(file).map(({ stride, height, width }) => ({
      stride, height, width, codes: new Float32Array(height * width),
    }));
    for (const tile of tilesOf(file))
      this._memory.scope(() => {
        const reader = this._reader(file, tile);
        for (const map of maps) {
          const { height, width } = reader.read();
          put(map, { codes: reader.codeLengths(), height, width }, tile);
        }
        reader.close();
      });
    return maps.map(({ codes, ...map }) => ({ ...map, bits: codes }));
  }

  _check(file) {
    demand(file.payloads.length === this.hierarchy.streams, "File and model have different numbers of streams; download it again.");
    const pixels = Math.min(file.tileSide, file.width) * Math.min(file.tileSide, file.height);
    demand(pixels <= LARGEST_TILE_PIXELS, `The file's stream tiles have ${pixels} pixels, more than this page decodes.`);
  }

  _blank(file) {
    return this.hierarchy.levels.map(({ stride }, number) => {
      const [height, width] = this.hierarchy.shape(number, file.height, file.width);
      const codes = new Int32Array(this.hierarchy.channels(number) * height * width);
      return { stride, codes, height, width, bits: 0 };
    });
  }

  _reader(file, tile) {
    const condition = this.hierarchy.condition(file.qualityStep, file.gray);
    const payloads = file.payloads.map((stream) => stream[tile.index]);
    return new TileReader(this._memory, this.hierarchy, this._prior, condition, tile, payloads);
  }

  /** Return the picture filled to whole cells of the coarsest level. */
  _whole(file) {
    const [height, width] = [file.height, file.width].map((side) => Math.ceil(side / this.hierarchy.align) * this.hierarchy.align);
    return { top: 0, left: 0, height, width };
  }

  _show(show, picture, number, level, file) {
    const rgba = this._networks.preview(picture, file.gray);
    show({ level: number, bits: level.bits, rgba, ...this._networks.previewSize(picture) });
  }

  /** Return the pixels of the first levels, tile by tile with what the networks see around each. */
  _tiles(file, levels, count) {
    const out = new Uint8ClampedArray(4 * file.width * file.height);
    const whole = this._whole(file);
    for (const tile of tilesOf(file))
      this._memory.scope(() => {
        const crop = around(tile, this._networks.reach, this.hierarchy.align, whole);
        const picture = this._networks.begin(crop.height, crop.width);
        levels.forEach((level, number) => {
          this._networks.add(picture, number < count ? this._cropped(level, crop) : null);
        });
        const part = { top: tile.top - crop.top, left: tile.left - crop.left, height: tile.height, width: tile.width };
        const rgba = this._networks.pixels(picture, part, file.gray);
        for (let row = 0; row < tile.height; row++) {
          const own = rgba.subarray(4 * row * tile.width, 4 * (row + 1) * tile.width);
          out.set(own, 4 * ((tile.top + row) * file.width + tile.left));
        }
      });
    return out;
  }

  /** Return the codes of a crop, filled beyond the picture: grids with 0, codebooks with those at the edge. */
  _cropped(level, crop) {
    const [height, width] = [crop.height / level.stride, crop.width / level.stride];
    const [top, left] = [crop.top / level.stride, crop.left / level.stride];
    const channels = level.codes.length / (level.height * level.width);
    const repeat = this._networks instanceof Conv;
    if (height === level.height && width === level.width) return level.codes;
    const out = new Int32Array(channels * height * width);
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < height; i++) {
        if (top + i >= level.height && !repeat) continue;
        const from = (c * level.height + Math.min(top + i, level.height - 1)) * level.width;
        const to = (c * height + i) * width;
        const there = Math.min(width, level.width - left);
        out.set(level.codes.subarray(from + left, from + left + there), to);
        if (repeat) out.fill(level.codes[from + level.width - 1], to + there, to + width);
      }
    return out;
  }
}

/** Return the stream tiles of a picture in raster order. */
export function tilesOf({ width, height, tileSide }) {
  const tiles = [];
  for (let top = 0; top < height; top += tileSide)
    for (let left = 0; left < width; left += tileSide)
      tiles.push({
        index: tiles.length,
        top,
        left,
        height: Math.min(tileSide, height - top),
        width: Math.min(tileSide, width - left),
      });
  return tiles;
}

/** Put the codes of a tile into those of its picture. */
function put(level, { codes, height, width }, tile) {
  const [top, left] = [tile.top / level.stride, tile.left / level.stride];
  const channels = codes.length / (height * width);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < height; i++) {
      const row = codes.subarray((c * height + i) * width, (c * height + i + 1) * width);
      level.codes.set(row, (c * level.height + top + i) * level.width + left);
    }
}

/** Return a tile with what is seen around it; its edges are whole cells of the coarsest level. */
function around(tile, reach, align, whole) {
  const down = (x) => Math.floor(Math.max(0, x) / align) * align;
  const up = (x, most) => Math.min(most, Math.ceil(x / align) * align);
  const [top, left] = [down(tile.top - reach), down(tile.left - reach)];
  return {
    top,
    left,
    height: up(tile.top + tile.height + reach, whole.height) - top,
    width: up(tile.left + tile.width + reach, whole.width) - left,
  };
}

function alphaOf(file) {
  const section = file.sections.find(({ kind }) => kind === ALPHA);
  return section ? decodeAlpha(section.payload, file.width, file.height) : null;
}

function withAlpha(rgba, alpha) {
  alpha?.forEach((value, n) => {
    rgba[4 * n + 3] = value;
  });
  return rgba;
}
