/** Where the bits are: code lengths by place, as a picture. */
import { canvasOf } from "./compare.js";

/** Dark blue over red to light yellow, at equal distances. */
const COLORS = [
  [4, 4, 20], [45, 16, 98], [114, 31, 108], [186, 54, 85], [240, 96, 40], [252, 175, 24], [252, 254, 164],
];

/**
 * Return the bits a pixel of some levels, added up on the grid of the finest.
 * @param {{stride: number, height: number, width: number, bits: Float32Array}[]} levels
 * @returns {{density: Float32Array, height: number, width: number}}
 */
export function densityOf(levels) {
  const finest = levels.reduce((a, b) => (b.stride < a.stride ? b : a));
  const density = new Float32Array(finest.height * finest.width);
  for (const { stride, width, height, bits } of levels) {
    const ratio = stride / finest.stride;
    for (let i = 0; i < finest.height; i++)
      for (let j = 0; j < finest.width; j++) {
        const at = Math.min(height - 1, Math.floor(i / ratio)) * width + Math.min(width - 1, Math.floor(j / ratio));
        density[i * finest.width + j] += bits[at] / stride ** 2;
      }
  }
  return { density, height: finest.height, width: finest.width };
}

/** Return a canvas of a density, whose brightest color stands for `most` bits a pixel. */
export function heatCanvas({ density, height, width }, most) {
  const rgba = new Uint8ClampedArray(4 * density.length);
  density.forEach((bits, n) => {
    const place = Math.min(1, Math.sqrt(bits / most)) * (COLORS.length - 1);
    const first = Math.min(Math.floor(place), COLORS.length - 2);
    for (let c = 0; c < 3; c++)
      rgba[4 * n + c] = COLORS[first][c] + (place - first) * (COLORS[first + 1][c] - COLORS[first][c]);
    rgba[4 * n + 3] = 255;
  });
  return canvasOf(rgba, width, height);
}

/** Return the density that one in a thousand places exceeds, so that single places do not darken the rest. */
export function brightest({ density }) {
  const sorted = Float32Array.from(density).sort();
  return sorted[Math.floor(0.999 * (sorted.length - 1))] || 1;
}
