/** The levels of codes that a picture becomes: vqzip/hierarchy.py and vqzip/quality.py. */
import { demand } from "./errors.js";

const CONTEXT_TILE = 256;
const COARSE_STRIDE = 8;
const QUALITY_STEPS = 57;
const WHOLE_STEPS = 7;

export class Hierarchy {
  /** @param {object} config of a model */
  constructor(config) {
    this.levels = config.vqvae.levels;
    this._quality = config.vqvae.quality ?? null;
    this._grayStages = config.prior.gray_stages;
    const shared = this.levels.map((level) => Math.min(level.stride, COARSE_STRIDE));
    const streams = [...new Set(shared)].sort((a, b) => b - a);
    this.streams = streams.length;
    this.streamOfLevel = shared.map((stride) => streams.indexOf(stride));
    this.align = Math.max(...this.levels.map((level) => level.stride));
    this.qualitySteps = this._quality ? QUALITY_STEPS : 1;
    this.conditions = this.qualitySteps * (this._grayStages ? 2 : 1);
  }

  channels(level) {
    return this.levels[level].groups * this.levels[level].depth;
  }

  /** Return rows and columns of a context tile of a level, in codes. */
  side(level) {
    return CONTEXT_TILE / this.levels[level].stride;
  }

  /** Return whether the next level has half the stride. */
  halves(level) {
    return this.levels[level + 1].stride < this.levels[level].stride;
  }

  /** Return rows and columns of a level's codes for a picture or tile. */
  shape(level, height, width) {
    const { stride } = this.levels[level];
    return [Math.ceil(height / stride), Math.ceil(width / stride)];
  }

  /** Return the row of the biases and the most stages that a picture has. */
  condition(qualityStep, gray) {
    demand(qualityStep < this.qualitySteps, "The file has a quality that its model has not; download it again.");
    if (gray && this._grayStages) return { row: this.qualitySteps + qualityStep, mostStages: this._grayStages };
    return { row: qualityStep, mostStages: Infinity };
  }

  /** Return the step of grids in pixel values; 1 in models of one quality. */
  step(qualityStep) {
    if (!this._quality) return 1;
    const { base_step: base, ratio, bend = 0 } = this._quality;
    const x = qualityStep / 8;
    return base * ratio ** -(x + bend * x * (WHOLE_STEPS - x));
  }
}
