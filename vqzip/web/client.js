/** The page's end of the worker that decodes. */
import { VqzError } from "./errors.js";

export class Client {
  constructor() {
    this._worker = new Worker("worker.js", { type: "module" });
    this._requests = new Map();
    this._previews = new Map();
    this._count = 0;
    this._worker.onmessage = ({ data }) => this._receive(data);
  }

  /**
   * Decode a file.
   * @param {Uint8Array} bytes
   * @param {(preview: object) => void} [show] gets the picture as it grows
   */
  async open(bytes, show) {
    const number = ++this._count;
    if (show) this._previews.set(number, show);
    const picture = await this._ask(number, "decode", { bytes });
    this._previews.delete(number);
    return { ...picture, number };
  }

  /** Return RGBA of the first levels of an open file. */
  render(number, count) {
    return this._ask(number, "render", { count });
  }

  /** Return the code lengths of every level of an open file. */
  lengths(number) {
    return this._ask(number, "lengths");
  }

  /** Return the SHA-256 of the codes of an open file. */
  digest(number) {
    return this._ask(number, "digest");
  }

  close(number) {
    return this._ask(number, "close");
  }

  _ask(number, kind, more = {}) {
    return new Promise((resolve, reject) => {
      const request = ++this._count;
      this._requests.set(request, { resolve, reject });
      this._worker.postMessage({ request, number, kind, ...more });
    });
  }

  _receive({ request, number, preview, answer, sentence }) {
    if (preview) {
      this._previews.get(number)?.(preview);
      return;
    }
    const { resolve, reject } = this._requests.get(request);
    this._requests.delete(request);
    if (sentence) reject(new VqzError(sentence));
    else resolve(answer);
  }
}
