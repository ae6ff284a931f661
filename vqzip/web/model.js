/** Model folders as they lie in models/: config.json, and tensors in two safetensors files. */
import { VqzError, demand } from "./errors.js";

const FILES = ["config.json", "vqvae.safetensors", "exact_prior.safetensors"];
const TYPES = {
  F16: [2, (data) => Float32Array.from(new Uint16Array(data), fromHalf)],
  F32: [4, (data) => new Float32Array(data)],
  I16: [2, (data) => new Int16Array(data)],
  I64: [8, (data) => Float64Array.from(new BigInt64Array(data), Number)],
};

/** Named tensors of a safetensors file. */
export class Tensors {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    demand(bytes.length >= 8, "A file of the model is truncated; reload the page.");
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    demand(length <= bytes.length - 8, "A file of the model is truncated; reload the page.");
    this._header = parseJson(bytes.subarray(8, 8 + length));
    this._data = bytes.subarray(8 + length);
  }

  /**
   * Return the numbers of a tensor: 64-bit integers as doubles, which hold those that a prior has.
   * @param {string} name
   * @param {...(number | null)} shape null stands for any length
   */
  take(name, ...shape) {
    const entry = Object.hasOwn(this._header, name) ? this._header[name] : undefined;
    demand(entry !== undefined, `The model lacks the tensor '${name}'.`);
    const fits =
      entry.shape.length === shape.length && shape.every((side, axis) => side === null || side === entry.shape[axis]);
    demand(fits, `The tensor '${name}' of the model has the shape ${entry.shape}, not ${shape}.`);
    const [bytes, read] = TYPES[entry.dtype] ?? [];
    demand(bytes !== undefined, `The tensor '${name}' of the model has the type ${entry.dtype}.`);
    const [begin, end] = entry.data_offsets;
    const count = entry.shape.reduce((product, side) => product * side, 1);
    demand(
      begin >= 0 && end <= this._data.length && end - begin === count * bytes,
      `The tensor '${name}' of the model lies outside its file.`,
    );
    return read(this._data.slice(begin, end).buffer);
  }

  /** Return the first side of a tensor. */
  length(name) {
    return Object.hasOwn(this._header, name) ? this._header[name].shape[0] : 0;
  }
}

/**
 * A model.
 * @typedef {object} Model
 * @property {object} config
 * @property {Tensors} weights of the networks
 * @property {Tensors} prior
 * @property {string} id fingerprint, in hexadecimal
 */

/**
 * Fetch a model folder and check that it is the one that a file names.
 * @param {string} folder its address
 * @param {string} id first bytes of its fingerprint, in hexadecimal
 * @returns {Promise<Model>}
 */
export async function fetchModel(folder, id) {
  const files = await Promise.all(FILES.map((name) => fetchBytes(`${folder}/${name}`)));
  const found = await fingerprint(files);
  demand(!found || found.startsWith(id), `The model in ${folder} is ${found.slice(0, 16)}, but the file needs ${id}.`);
  return modelOf(...files, found || id);
}

/** Return a model of the bytes of its three files. */
export function modelOf(config, weights, prior, id) {
  const parsed = parseJson(config);
  checkConfig(parsed);
  return { config: parsed, weights: new Tensors(weights), prior: new Tensors(prior), id };
}

export async function fetchBytes(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) throw new VqzError(`${address} cannot be fetched; is the server still running?`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Return the SHA-256 of files with their lengths, or "" where the browser computes none. */
async function fingerprint(files) {
  if (!globalThis.crypto?.subtle) return ""; // only pages from https or from this machine have it
  const lengths = files.map((file) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(file.length), true);
    return bytes;
  });
  const whole = await new Blob(files.flatMap((file, number) => [lengths[number], file])).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function parseJson(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new VqzError("A file of the model is damaged; reload the page.");
  }
}

function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

function whole(value, least, most, name) {
  demand(
    Number.isInteger(value) && value >= least && value <= most,
    `The model's configuration is damaged: ${name} is ${value}.`,
  );
}

/** Hold every number that decides memory or loops against its range. */
function checkConfig(config) {
  const { vqvae, prior } = config;
  const there = Array.isArray(vqvae?.levels) && Array.isArray(prior?.levels) && vqvae?.transform;
  demand(there, "The model's configuration is damaged: it has no levels.");
  whole(vqvae.levels.length, 1, 16, "the number of levels");
  demand(prior.levels.length === vqvae.levels.length, "The model's configuration is damaged: levels differ.");
  demand(
    prior.head === (vqvae.levels[0].quantizer.kind === "grid" ? "logistic" : "categorical"),
    "The model's configuration is damaged: head and quantizer differ.",
  );
  vqvae.levels.forEach((level) => {
    whole(level.stride, 1, 256, "a stride");
    demand(256 % level.stride === 0, "The model's configuration is damaged: a stride does not divide 256.");
    level.depth ??= 1;
    whole(level.groups, 1, 64, "the number of groups");
    whole(level.depth, 1, 64, "the depth");
    if (level.quantizer.kind === "grid") return;
    whole(level.quantizer.size, 1, 1 << 15, "the size of a codebook");
    whole(level.quantizer.dim, 1, 1024, "the dimension of a codebook");
  });
  prior.embedding ??= 2;
  prior.gray_stages ??= 0;
  whole(prior.embedding, 1, 256, "the embedding");
  whole(prior.gray_stages, 0, 64, "the number of gray stages");
  prior.levels.forEach((level, number) => checkPriorLevel(level, vqvae.levels[number]));
  checkTransform(vqvae.transform);
}

function checkPriorLevel(level, { groups, depth }) {
  whole(level.state, 0, 4096, "a state");
  whole(level.hidden, 1, 4096, "a width");
  const channels = level.stages.flatMap((stage) => {
    whole(stage.hidden, 1, 4096, "a width");
    return stage.channels;
  });
  const all = channels.length === groups * depth && new Set(channels).size === channels.length;
  demand(all, "The model's configuration is damaged: stages do not hold every channel once.");
  channels.forEach((channel) => whole(channel, 0, groups * depth - 1, "a channel"));
  level.update ??= [];
  level.update.forEach((layer) => {
    demand([1, 3].includes(layer.kernel), "The model's configuration is damaged: a kernel is neither 1 nor 3.");
    whole(layer.width, 1, 4096, "a width");
  });
}

function checkTransform(transform) {
  const networks = [transform.after, ...(transform.predictors ?? [])].filter(Boolean);
  for (const network of networks) {
    network.hidden ??= 0;
    whole(network.width, 1, 4096, "a width");
    whole(network.hidden, 0, 4096, "a width");
    whole(network.blocks, 0, 64, "the number of blocks");
  }
  for (const predictor of transform.predictors ?? []) {
    predictor.fold ??= 1;
    whole(predictor.fold, 1, 4, "a fold");
  }
  if (transform.kind === "wavelet") {
    whole(transform.decompositions, 1, 8, "the number of decompositions");
    whole(transform.gains?.width ?? 0, 0, 4096, "a width");
    return;
  }
  demand(transform.kind === "conv", `The model has networks of an unknown kind, ${transform.kind}.`);
  whole(transform.hidden, 2, 4096, "a width");
  whole(transform.residual_hidden, 1, 4096, "a width");
  whole(transform.residual_blocks, 0, 64, "the number of blocks");
}
