/** What the viewer shows: files that are opened, dropped, or named by the server in start.json. */
import { Client } from "./client.js";
import { Compare, canvasOf } from "./compare.js";
import { brightest, densityOf, heatCanvas } from "./heat.js";
import { fetchBytes } from "./model.js";

const MAGIC = "\x89VQZ";
const NOTHING = "nothing";
const find = (id) => document.getElementById(id);

const client = new Client();
const view = new Compare(find("view"));
const entries = []; // what can be shown: {name, canvas, picture?, heat?}

/** Show a fault as a sentence. */
function complain(error) {
  find("fault").textContent = error.message;
  find("fault").hidden = false;
}

/** Open files one after the other. */
async function openAll(files) {
  find("fault").hidden = true;
  for (const { name, bytes } of files) {
    try {
      await open(name, await bytes());
    } catch (error) {
      complain(new Error(`${name}: ${error.message}`));
    }
  }
  document.body.dataset.ready = "yes";
}

async function open(name, bytes) {
  const entry = { name, canvas: null };
  if (String.fromCharCode(...bytes.subarray(0, 4)) === MAGIC) {
    entry.picture = await client.open(bytes, (preview) => grow(entry, preview));
    const { rgba, width, height } = entry.picture;
    entry.canvas = canvasOf(rgba, width, height);
  } else {
    entry.canvas = await pictureCanvas(bytes);
  }
  add(entry);
}

/** Show a picture while it is decoded, if nothing else is shown. */
function grow(entry, { rgba, width, height }) {
  if (entries.length) return;
  find("name").textContent = entry.name;
  document.querySelector("main").hidden = false;
  view.show(canvasOf(rgba, width, height));
}

async function pictureCanvas(bytes) {
  const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => {
    throw new Error("neither a .vqz file nor a picture that this browser shows.");
  });
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return canvas;
}

/** Make an entry selectable: the first is on the left, the last on the right. */
function add(entry) {
  entries.push(entry);
  const number = entries.length - 1;
  for (const side of ["left", "right"]) find(side).add(new Option(entry.name, number));
  if (number) find("right").value = number;
  document.querySelector("main").hidden = false;
  select();
}

const shown = (side) => entries[find(side).value];

/** Show what is selected. */
function select() {
  const left = shown("left");
  const { picture } = left;
  find("levels").hidden = !picture;
  find("layer").disabled = !picture;
  find("name").textContent = left.name;
  find("facts").replaceChildren(...(picture ? facts(picture) : []).flatMap(fact));
  find("bits").replaceChildren(...(picture ? bitRows(picture) : []));
  const layers = (picture?.levels ?? []).map((_, n) => new Option(`bits of level ${n + 1}`, n));
  find("layer").replaceChildren(...[...find("layer").options].slice(0, 2), ...layers);
  find("layer").value = "";
  if (picture) {
    find("count").max = find("count").value = picture.levels.length;
    find("levels").querySelector("output").textContent = `1 to ${picture.levels.length}`;
  }
  layer().catch(complain);
}

function facts({ width, height, totalBytes, quality, model, gray, sections, decodeSeconds }) {
  return [
    ["size", `${width} × ${height}${gray ? ", gray" : ""}`],
    ["file", `${totalBytes.toLocaleString("en")} bytes, ${((8 * totalBytes) / (width * height)).toFixed(3)} bpp`],
    ["model", quality === null ? model : `${model}, quality ${quality}`],
    ...(sections.length ? [["holds", sections.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(", ")]] : []),
    ["decoded in", `${decodeSeconds.toFixed(2)} s`],
  ];
}

function fact([name, value]) {
  const [term, description] = ["dt", "dd"].map((tag) => document.createElement(tag));
  term.textContent = name;
  description.textContent = value;
  return [term, description];
}

/** Return a row of the table for each level, with its bits as a bar. */
function bitRows({ levels, width, height }) {
  const most = Math.max(...levels.map(({ bits }) => bits), 1);
  return levels.map(({ stride, bits, ...level }, n) => {
    const row = document.createElement("tr");
    const cells = [n + 1, stride, `${level.width} × ${level.height}`, Math.round(bits).toLocaleString("en")];
    for (const text of [...cells, (bits / (width * height)).toFixed(3)]) row.insertCell().textContent = text;
    const bar = row.insertCell().appendChild(document.createElement("span"));
    bar.className = "bar";
    bar.style.width = `${(100 * bits) / most}%`;
    return row;
  });
}

/** Show the picture of the left entry, or where its bits are. */
async function layer() {
  const left = shown("left");
  const right = find("right").value === NOTHING ? null : shown("right").canvas;
  const chosen = find("layer").value;
  find("legend").textContent = "";
  if (!chosen || !left.picture) {
    view.show(left.canvas, right);
    return;
  }
  left.heat ??= await client.lengths(left.picture.number);
  const density = densityOf(chosen === "all" ? left.heat : [left.heat[chosen]]);
  const most = brightest(density);
  find("legend").textContent = `brightest: ${most.toPrecision(2)} bits a pixel`;
  const { width, height } = left.canvas;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(heatCanvas(density, most), 0, 0, width, height);
  view.show(canvas, right ?? left.canvas);
}

/** Show the first levels of the left entry. */
async function levels() {
  const { picture } = shown("left");
  const count = Number(find("count").value);
  find("levels").querySelector("output").textContent = count > 1 ? `1 to ${count}` : "1";
  const rgba = await client.render(picture.number, count);
  if (count !== Number(find("count").value)) return; // the slider has moved on
  shown("left").canvas = canvasOf(rgba, picture.width, picture.height);
  await layer();
}

const fromFiles = (files) =>
  [...files].map((file) => ({ name: file.name, bytes: async () => new Uint8Array(await file.arrayBuffer()) }));

find("right").add(new Option(NOTHING, NOTHING));
find("left").onchange = find("right").onchange = select;
find("layer").onchange = () => layer().catch(complain);
find("count").oninput = () => levels().catch(complain);
find("closer").onclick = () => view.zoomBy(1.5);
find("farther").onclick = () => view.zoomBy(1 / 1.5);
find("input").onchange = (event) => openAll(fromFiles(event.target.files));
document.ondragover = (event) => {
  event.preventDefault();
  document.body.classList.add("over");
};
document.ondragleave = () => document.body.classList.remove("over");
document.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  openAll(fromFiles(event.dataTransfer.files));
};

fetchBytes("start.json")
  .then((bytes) => JSON.parse(new TextDecoder().decode(bytes)).files)
  .then((files) => openAll(files.map(({ name, address }) => ({ name, bytes: () => fetchBytes(address) }))))
  .catch(complain);
