/** Decodes away from the page's own thread; client.js is the other end. */
import { parse } from "./container.js";
import { Decoder } from "./decoder.js";
import { VqzError } from "./errors.js";
import { fetchBytes, fetchModel } from "./model.js";

const MOST_PIXELS = 2 ** 26;
const KEPT_DECODERS = 2; // each holds the networks of a model at one quality, some megabytes

const module = fetchBytes("vqzip.wasm").then((bytes) => WebAssembly.compile(bytes));
const start = fetchBytes("start.json").then((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
const models = new Map();
const decoders = new Map();
const opened = new Map();

/** Return the decoder of a file, which is kept for the next one. */
async function decoderOf(file) {
  const key = `${file.modelId} ${file.qualityStep}`;
  if (!decoders.has(key)) {
    const decoder = new Decoder(await module, await modelOf(file.modelId), file.qualityStep);
    if (decoders.size === KEPT_DECODERS) decoders.delete(decoders.keys().next().value);
    decoders.set(key, decoder);
  }
  return decoders.get(key);
}

async function modelOf(id) {
  if (!models.has(id)) {
    const folder = (await start).models[id];
    if (!folder) throw new VqzError(`The file was made with the model ${id}, which is not here.`);
    models.set(id, { ...(await fetchModel(folder, id)), name: folder.split("/").at(-1) });
  }
  return models.get(id);
}

/** What the page may ask for; each gets the number of a file, and more. */
const answers = {
  async decode(number, { bytes }) {
    const begun = performance.now();
    const file = parse(bytes, MOST_PIXELS);
    const decoder = await decoderOf(file);
    const loaded = performance.now();
    const { levels, rgba } = await decoder.decode(file, (preview) => postMessage({ number, preview }));
    opened.set(number, { file, levels });
    return {
      width: file.width,
      height: file.height,
      gray: file.gray,
      quality: decoder.hierarchy.qualitySteps > 1 ? 1 + file.qualityStep / 8 : null,
      model: (await modelOf(file.modelId)).name,
      sections: file.sections.map(({ name, payload }) => ({ name, bytes: payload.length })),
      totalBytes: file.totalBytes,
      levels: levels.map(({ stride, height, width, bits }) => ({ stride, height, width, bits })),
      rgba,
      loadSeconds: (loaded - begun) / 1000,
      decodeSeconds: (performance.now() - loaded) / 1000,
    };
  },

  async render(number, { count }) {
    const { file, levels } = opened.get(number);
    return (await decoderOf(file)).render(file, levels, count);
  },

  async lengths(number) {
    const { file } = opened.get(number);
    return (await decoderOf(file)).codeLengths(file);
  },

  /** Return the SHA-256 of the codes, as docs/reference/format.md defines it, or "" without crypto. */
  async digest(number) {
    const { file, levels } = opened.get(number);
    if (!globalThis.crypto?.subtle) return "";
    const { hierarchy } = await decoderOf(file);
    const parts = levels.flatMap(({ codes, height, width }, at) => {
      const { groups, depth } = hierarchy.levels[at];
      return [new BigInt64Array([groups, depth, height, width].map(BigInt)), codes];
    });
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  async close(number) {
    opened.delete(number);
  },
};

onmessage = async ({ data: { request, number, kind, ...more } }) => {
  try {
    postMessage({ request, answer: await answers[kind](number, more) });
  } catch (error) {
    if (!(error instanceof VqzError)) console.error(error);
    const sentence = error instanceof VqzError ? error.message : `The decoder failed: ${error.message}.`;
    postMessage({ request, sentence });
  }
};
