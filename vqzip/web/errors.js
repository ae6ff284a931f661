/** A fault that the page shows as one sentence: in the file, in the model, or in what the browser has. */
export class VqzError extends Error {}

/**
 * Refuse what does not hold.
 * @param {boolean} holds
 * @param {string} sentence
 */
export function demand(holds, sentence) {
  if (!holds) throw new VqzError(sentence);
}
