/** The alpha section: a predictor for each row, then zlib (docs/reference/format.md, "Alpha section"). */
import { VqzError, demand } from "./errors.js";

const LEFT = 1;
const ABOVE = 2;
const GRADIENT = 3;

/**
 * Return the alpha channel of a section, (height, width).
 * @param {Uint8Array} payload
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Uint8Array>}
 */
export async function decodeAlpha(payload, width, height) {
  const rows = await inflate(payload, height * (width + 1));
  const alpha = new Uint8Array(width * height);
  for (let i = 0; i < height; i++) {
    const predictor = rows[i * (width + 1)];
    demand(predictor <= GRADIENT, "The alpha section has an unknown predictor; download the file again.");
    let carried = 0;
    for (let j = 0; j < width; j++) {
      const at = i * width + j;
      let value = rows[i * (width + 1) + 1 + j];
      if (predictor === LEFT || predictor === GRADIENT) {
        carried = (carried + value) & 255;
        value = carried;
      }
      if (predictor === ABOVE || predictor === GRADIENT) value += i ? alpha[at - width] : 0;
      alpha[at] = value;
    }
  }
  return alpha;
}

/** Expand a zlib stream that must give exactly so many bytes; memory never grows beyond them. */
async function inflate(payload, expected) {
  const out = new Uint8Array(expected);
  let filled = 0;
  try {
    const reader = new Blob([payload]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      demand(filled + value.length <= expected, "The alpha section is longer than the picture; download the file again.");
      out.set(value, filled);
      filled += value.length;
    }
  } catch (error) {
    if (error instanceof VqzError) throw error;
    throw new VqzError("The alpha section is damaged; download the file again.");
  }
  demand(filled === expected, "The alpha section has the wrong length; download the file again.");
  return out;
}
