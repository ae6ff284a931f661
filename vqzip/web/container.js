/**
 * The bytes of a .vqz file, without trust in any of them: docs/reference/format.md, "The file".
 *
 * Every length is held against the rest of the file before anything is taken.
 */
import { VqzError, demand } from "./errors.js";

const MAGIC = [0x89, 0x56, 0x51, 0x5a];
const SMALLEST_HEADER_BYTES = 22;
const LARGEST_HEADER_BYTES = 64;
const LARGEST_SIDE = 1 << 20;
const MOST_STREAM_TILES = 1 << 20;
const MOST_SECTIONS = 64;
const LARGEST_SECTION_BYTES = 2 ** 30;
const LARGEST_METADATA_BYTES = 1 << 24;
const MOST_PAYLOAD_WORDS = 2 ** 28;
const CRITICAL = 0x80;
const AGAIN = "download it again.";

export const CODES = 0x81;
export const ALPHA = 0x82;
const NAMES = new Map([
  [ALPHA, "alpha"],
  [0x03, "color profile"],
  [0x04, "EXIF"],
  [0x05, "XMP"],
  [0x86, "color profile"],
  [0x07, "EXIF"],
  [0x08, "XMP"],
]);

const CRC32 = crcTable(0xedb88320);

/** Return the 256 steps of a reflected CRC-32. */
function crcTable(polynomial) {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
}

export function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = CRC32[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

export function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

/** A cursor that never passes the end. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.offset = 0;
    this.end = bytes.length;
  }

  get left() {
    return this.end - this.offset;
  }

  take(count, what) {
    demand(count <= this.left, `The file is truncated: ${what} needs ${count} more bytes; ${AGAIN}`);
    this.offset += count;
    return this.bytes.subarray(this.offset - count, this.offset);
  }

  number(count, what) {
    return this.take(count, what).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  varint(what, limit) {
    let value = 0;
    for (let place = 0; place < 5; place++) {
      const byte = this.number(1, what);
      value += (byte & 0x7f) * 2 ** (7 * place);
      if (byte >= 0x80) continue;
      demand(byte !== 0 || place === 0, `The file is damaged: ${what} is not in its shortest form; ${AGAIN}`);
      demand(value <= limit, `The file is damaged: ${what} is ${value}, more than ${limit}; ${AGAIN}`);
      return value;
    }
    throw new VqzError(`The file is damaged: ${what} has no end; ${AGAIN}`);
  }
}

/**
 * What a file holds.
 * @typedef {object} VqzFile
 * @property {number} width
 * @property {number} height
 * @property {boolean} gray
 * @property {number} qualityStep eighths above quality 1
 * @property {number} tileSide
 * @property {string} modelId first 8 bytes of the model's fingerprint, in hexadecimal
 * @property {Uint8Array[][]} payloads `[stream][tile]`
 * @property {{kind: number, name: string, payload: Uint8Array}[]} sections
 * @property {number} totalBytes
 */

/**
 * Read a file.
 * @param {Uint8Array} bytes
 * @param {number} maxPixels
 * @returns {VqzFile}
 */
export function parse(bytes, maxPixels) {
  const reader = new Reader(bytes);
  const header = readHeader(reader);
  demand(
    header.width * header.height <= maxPixels,
    `The picture has ${header.width} x ${header.height} pixels, more than the ${maxPixels} that this page ` +
      "shows; decode it with `vqzip decode`.",
  );
  const covered = reader.end - 4;
  demand(covered >= reader.offset, `The file is truncated after its header; ${AGAIN}`);
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(covered, true);
  demand(crc32(bytes.subarray(0, covered)) === stored, `The file is damaged or truncated; ${AGAIN}`);
  reader.end = covered;
  const sections = readSections(reader);
  const payloads = readPayloads(reader, header.streams, tileCount(header));
  return { ...header, sections, payloads, totalBytes: bytes.length };
}

function readHeader(reader) {
  const magic = reader.bytes.subarray(0, 4);
  demand(
    magic.length === 4 && MAGIC.every((byte, at) => byte === magic[at]),
    "This is not a .vqz file; its first bytes differ.",
  );
  reader.take(4, "the magic");
  const version = reader.number(1, "the header");
  const length = reader.number(1, "the header");
  demand(
    length >= SMALLEST_HEADER_BYTES && length <= LARGEST_HEADER_BYTES,
    `The header claims ${length} bytes; the file is damaged, ${AGAIN}`,
  );
  reader.take(length - 10, "the header");
  const covered = reader.offset;
  const stored = reader.number(4, "the header");
  demand(crc32(reader.bytes.subarray(0, covered)) === stored, `The header is damaged; ${AGAIN}`);
  demand(version === 1, `The file has format version ${version}; this page reads version 1.`);
  return readFields(new Reader(reader.bytes.subarray(6, covered)));
}

function readFields(fields) {
  const flags = fields.number(1, "the header");
  const shape = fields.number(1, "the header");
  const width = fields.varint("the width", 2 ** 35);
  const height = fields.varint("the height", 2 ** 35);
  const modelId = [...fields.take(8, "the model id")].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  demand(
    !(flags & 0x80) && fields.left === 0,
    "The header has fields that this page does not know; the file needs a newer one.",
  );
  const header = {
    width,
    height,
    gray: (flags & 0x40) !== 0,
    qualityStep: flags & 0x3f,
    streams: 1 + (shape & 0x0f),
    tileSide: 2 ** (8 + (shape >> 4)),
    modelId,
  };
  const legal =
    Math.min(width, height) >= 1 &&
    Math.max(width, height) <= LARGEST_SIDE &&
    header.qualityStep <= 56 &&
    shape >> 4 <= 8 &&
    header.streams * tileCount(header) <= MOST_STREAM_TILES;
  demand(legal, `The header is damaged: a field is out of range; ${AGAIN}`);
  return header;
}

function tileCount({ width, height, tileSide }) {
  return Math.ceil(width / tileSide) * Math.ceil(height / tileSide);
}

/** Read the sections before the codes, and the start of the codes. */
function readSections(reader) {
  const sections = [];
  const seen = new Set();
  for (;;) {
    const kind = reader.number(1, "a section's kind");
    if (kind === CODES) {
      reader.varint("the length of the codes section", 0);
      return sections;
    }
    const name = NAMES.get(kind);
    demand(
      name !== undefined || !(kind & CRITICAL),
      `The file needs a section of kind ${kind} that this page does not know.`,
    );
    demand(name === undefined || !seen.has(name), `The ${name} section occurs twice; ${AGAIN}`);
    demand(sections.length + 1 < MOST_SECTIONS, `The file has more than ${MOST_SECTIONS} sections; ${AGAIN}`);
    seen.add(name);
    const limit = name === undefined || kind === ALPHA ? LARGEST_SECTION_BYTES : LARGEST_METADATA_BYTES;
    const length = reader.varint("the length of a section", limit);
    sections.push({ kind, name: name ?? "unknown", payload: reader.take(length, "a section") });
  }
}

/** Read the payloads of all streams and tiles, `[stream][tile]`. */
function readPayloads(reader, streams, tiles) {
  const payloads = [];
  for (let number = 0; number + 1 < streams * tiles; number++) payloads.push(readGuarded(reader));
  const last = reader.take(reader.left, "the last tile");
  demand(
    last.length % 4 === 0 && last.length / 4 <= MOST_PAYLOAD_WORDS,
    `The last tile has ${last.length} bytes, which is no legal number of words; ${AGAIN}`,
  );
  payloads.push(last);
  return Array.from({ length: streams }, (_, stream) => payloads.slice(stream * tiles, (stream + 1) * tiles));
}

/** Read length, payload and CRC-16 of a payload that is not the last in the file. */
function readGuarded(reader) {
  const start = reader.offset;
  const words = reader.varint("the length of a tile", MOST_PAYLOAD_WORDS);
  const payload = reader.take(4 * words, "a tile");
  const guarded = reader.bytes.subarray(start, reader.offset);
  demand(reader.number(2, "a tile's checksum") === crc16(guarded), `A tile is damaged; ${AGAIN}`);
  return payload;
}
