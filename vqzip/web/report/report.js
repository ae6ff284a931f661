/** The page of `vqzip rd-curve`: curves, pictures beside each other, and tables, all of them in the page. */
import { Compare, difference } from "../compare.js";
import { heatCanvas } from "../heat.js";

/* global uPlot */
const MODEL_COLORS = ["#c0392b", "#8e44ad", "#d35400", "#2c3e50"];
const ANCHOR_COLORS = ["#2980b9", "#16a085", "#7f8c8d", "#b7950b", "#5d6d7e", "#27ae60", "#6c3483", "#a04000"];
const CHART_HEIGHT = 440;

const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

let chart = null;

/** Return a number as text, nothing for none. */
const number = (value, digits) => (value == null ? "" : value.toFixed(digits));

/** Return the nearest index around a place of the cursor at which a series has a number. */
function nearest(plot, series, index, position) {
  const [xs, ys] = [plot.data[0], plot.data[series]];
  if (series === 0 || ys[index] != null) return index;
  const known = [...xs.keys()].filter((n) => ys[n] != null); // what is missing is null or undefined
  return known.reduce((best, n) => (Math.abs(xs[n] - position) < Math.abs(xs[best] - position) ? n : best), known[0]);
}

/** Draw the curves of the selected metric. */
function drawChart() {
  const curves = data.curves[find("metric").value];
  let [models, anchors] = [0, 0];
  const series = curves.lines.map(({ label, is_model: isModel }) => ({
    label,
    stroke: isModel ? MODEL_COLORS[models++ % MODEL_COLORS.length] : ANCHOR_COLORS[anchors++ % ANCHOR_COLORS.length],
    width: isModel ? 2.5 : 1.5,
    spanGaps: true,
    points: { show: true, size: 6 },
    value: (_, value) => number(value, curves.digits),
  }));
  const rates = { label: "bits per pixel", value: (_, value) => number(value, 3) };
  const options = {
    width: find("chart").clientWidth,
    height: CHART_HEIGHT,
    scales: { x: { time: false, distr: find("log").checked ? 3 : 1, log: 2 } },
    axes: [{ label: "bits per pixel", values: (_, ticks) => ticks.map((x) => (x === null ? "" : String(+x.toPrecision(2)))) },
      { label: curves.axis, size: 60 }],
    cursor: { dataIdx: nearest, focus: { prox: 24 } },
    focus: { alpha: 0.35 },
    series: [rates, ...series],
  };
  const joined = curves.lines.length ? uPlot.join(curves.lines.map(({ x, y }) => [x, y])) : [[]];
  chart?.destroy();
  chart = new uPlot(options, joined, find("chart"));
}

/* Pictures. */

const images = new Map(); // decoded once, by address
const view = new Compare(find("view"));
let shown = 0;
let drawing = 0; // counts, so that a late picture does not replace a newer one

async function imageOf(address) {
  if (!images.has(address)) {
    const image = new Image();
    image.src = address;
    images.set(address, image.decode().then(() => image));
  }
  return images.get(address);
}

/** Return what can be shown of a picture: {label, note, canvas}. */
function viewsOf(picture) {
  const views = picture.views.map(({ label, note, source }) => ({ label, note, draw: () => imageOf(source) }));
  const { levels } = picture;
  if (!levels) return views;
  levels.parts.slice(0, -1).forEach(({ source }, n) => {
    const name = n ? `levels 1 to ${n + 1}` : "level 1";
    views.push({ label: `${levels.model}, ${name}`, note: "", draw: () => imageOf(source) });
  });
  views.push({ label: "bits of all levels", note: "", draw: () => heatOf(picture, levels.parts) });
  levels.parts.forEach((part, n) => {
    views.push({ label: `bits of level ${n + 1}`, note: "", draw: () => heatOf(picture, [part]) });
  });
  return views;
}

/** Return a canvas with the bits a pixel of some levels; the brightest place is the legend's number. */
async function heatOf({ width, height }, parts) {
  const [across, down] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const density = new Float32Array(across * down);
  for (const { heat, most } of parts) {
    const canvas = Object.assign(document.createElement("canvas"), { width: across, height: down });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(await imageOf(heat), 0, 0, across, down);
    const { data: rgba } = context.getImageData(0, 0, across, down);
    for (let n = 0; n < density.length; n++) density[n] += (rgba[4 * n] / 248) ** 2 * most;
  }
  const sorted = Float32Array.from(density).sort();
  const most = sorted[Math.floor(0.999 * (sorted.length - 1))] || 1;
  const small = heatCanvas({ density, height: down, width: across }, most);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, width, height);
  canvas.note = `brightest: ${most.toPrecision(2)} bits a pixel`;
  return canvas;
}

/** Show what is selected of the picture. */
async function drawPictures() {
  const mine = ++drawing;
  const views = viewsOf(data.pictures[shown]);
  const [left, right] = ["left", "right"].map((side) => views[find(side).value]);
  const [a, b] = await Promise.all([left.draw(), right.draw()]);
  if (mine !== drawing) return;
  view.show(a, find("difference").checked ? difference(a, b) : b);
  const notes = [left, right].map(({ label, note }, n) => `${label}: ${note || [a, b][n].note || "part of the file"}`);
  find("notes").textContent = notes.join("; ");
}

/** Select a picture, and keep what is compared. */
function selectPicture(number) {
  shown = number;
  const picture = data.pictures[number];
  const views = viewsOf(picture);
  for (const [side, first] of [["left", 0], ["right", 1]]) {
    const before = find(side).value;
    find(side).replaceChildren(...views.map(({ label }, n) => new Option(label, n)));
    find(side).value = before !== "" && before < views.length ? before : Math.min(first, views.length - 1);
  }
  [...find("thumbs").children].forEach((button, n) => button.setAttribute("aria-pressed", n === number));
  showLevels(picture);
  drawPictures();
}

/** Show the first levels side by side, as figure 3 of the VQ-VAE-2 paper does, with the bits of each. */
function showLevels({ levels, views }) {
  find("levels").hidden = !levels;
  if (!levels) return;
  find("levels").querySelector("h3").textContent = `${levels.model}, level by level`;
  const figures = levels.parts.map(({ source, bits, stride }, n) => {
    const figure = document.createElement("figure");
    figure.appendChild(new Image()).src = source;
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = `${n ? `1 to ${n + 1}` : "1"} (stride ${stride}): + ${Math.round(bits).toLocaleString("en")} bits`;
    figure.onclick = () => {
      find("right").value = n + 1 < levels.parts.length ? views.length + n : 1;
      drawPictures();
    };
    return figure;
  });
  find("levels").querySelector(".strip").replaceChildren(...figures);
}

async function thumbnail(button, source) {
  const image = await imageOf(source);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { height: 64, width: Math.round((64 * image.width) / image.height) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  button.replaceChildren(canvas);
}

/* Tables. */

function tableOf({ title, header, rows }, number) {
  const details = document.createElement("details");
  details.open = number === 0;
  details.appendChild(document.createElement("summary")).textContent = title;
  const table = details.appendChild(document.createElement("table"));
  table.className = "results";
  const head = table.createTHead().insertRow();
  for (const text of header) head.appendChild(document.createElement("th")).textContent = text;
  const body = table.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    for (const text of cells) row.insertCell().textContent = text;
  }
  return details;
}

find("facts").textContent = data.facts;
data.curves.forEach(({ title }, n) => find("metric").add(new Option(title, n)));
find("metric").onchange = find("log").onchange = drawChart;
window.addEventListener("resize", () => chart?.setSize({ width: find("chart").clientWidth, height: CHART_HEIGHT }));
if (data.curves.length) drawChart();
find("tables").append(...data.tables.map(tableOf));

if (data.pictures.length) {
  find("looks").hidden = false;
  data.pictures.forEach(({ name, views }, n) => {
    const button = document.createElement("button");
    button.title = name;
    button.textContent = name;
    button.onclick = () => selectPicture(n);
    find("thumbs").append(button);
    thumbnail(button, views[0].source);
  });
  find("left").onchange = find("right").onchange = find("difference").onchange = drawPictures;
  find("closer").onclick = () => view.zoomBy(1.5);
  find("farther").onclick = () => view.zoomBy(1 / 1.5);
  selectPicture(0);
}
