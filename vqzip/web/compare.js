/** One picture, or two with a slider between them; zoom 1 to 8 keeps the place under the cursor. */

const MOST_ZOOM = 8;
const ZOOM_STEP = 1.25;

const clip = (x, least, most) => Math.min(Math.max(x, least), most);

export class Compare {
  /** @param {HTMLElement} container becomes the view */
  constructor(container) {
    this.element = container;
    container.classList.add("compare");
    container.innerHTML = `
      <canvas class="left"></canvas><canvas class="right"></canvas>
      <div class="handle" role="slider" tabindex="0" aria-label="where the right picture begins"
        aria-valuemin="0" aria-valuemax="100"></div>`;
    [this._left, this._right] = container.querySelectorAll("canvas");
    this._handle = container.querySelector(".handle");
    this.zoom = 1;
    this.split = 0.5; // of the width of the view
    this._x = 0; // of the view's upper left corner, in parts of the picture
    this._y = 0;
    this._two = false;
    container.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    container.addEventListener("pointerdown", (event) => this._press(event));
    this._handle.addEventListener("keydown", (event) => this._key(event));
    new ResizeObserver(() => this._place()).observe(container);
  }

  /**
   * Show pictures; the right one is stretched to the size of the left one.
   * @param {CanvasImageSource & {width: number, height: number}} left
   * @param {(CanvasImageSource & {width: number, height: number}) | null} [right]
   */
  show(left, right = null) {
    const [width, height] = [left.naturalWidth || left.width, left.naturalHeight || left.height];
    this.element.style.setProperty("--aspect", width / height);
    draw(this._left, left, width, height);
    this._two = right !== null;
    if (right) draw(this._right, right, width, height);
    this._place();
  }

  /** Move the slider to a part of the width. */
  setSplit(part) {
    this.split = clip(part, 0, 1);
    this._place();
  }

  /** Zoom by a factor around a place in the view, given in parts of its size. */
  zoomBy(factor, x = 0.5, y = 0.5) {
    const before = this.zoom;
    this.zoom = clip(before * factor, 1, MOST_ZOOM);
    this._x += x / before - x / this.zoom;
    this._y += y / before - y / this.zoom;
    this._place();
  }

  _wheel(event) {
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    this.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, x, y);
  }

  /** Begin to move the slider, or the picture. */
  _press(event) {
    const box = this.element.getBoundingClientRect();
    const handle = event.target === this._handle || (this._two && this.zoom === 1);
    let { clientX, clientY } = event;
    const move = (moved) => {
      if (handle) this.setSplit((moved.clientX - box.left) / box.width);
      else {
        this._x -= (moved.clientX - clientX) / box.width / this.zoom;
        this._y -= (moved.clientY - clientY) / box.height / this.zoom;
        ({ clientX, clientY } = moved);
        this._place();
      }
    };
    const end = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    if (handle) move(event);
  }

  _key(event) {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.setSplit(this.split + step);
  }

  _place() {
    const { clientWidth: width, clientHeight: height } = this.element;
    this._x = clip(this._x, 0, 1 - 1 / this.zoom);
    this._y = clip(this._y, 0, 1 - 1 / this.zoom);
    const scale = (width * this.zoom) / (this._left.width || 1);
    for (const canvas of [this._left, this._right]) {
      canvas.style.transform = `translate(${-this._x * this.zoom * width}px, ${-this._y * this.zoom * height}px) scale(${scale})`;
      canvas.style.imageRendering = scale >= 2 ? "pixelated" : "auto";
    }
    const first = (this.split / this.zoom + this._x) * this._left.width;
    this._right.style.clipPath = `inset(0 0 0 ${first}px)`;
    this._right.hidden = !this._two;
    this._handle.hidden = !this._two;
    this._handle.style.left = `${100 * this.split}%`;
    this._handle.setAttribute("aria-valuenow", Math.round(100 * this.split));
  }
}

function draw(canvas, source, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
}

/** Return a canvas that shows four times the difference of two pictures around gray. */
export function difference(left, right) {
  const [width, height] = [left.naturalWidth || left.width, left.naturalHeight || left.height];
  const [a, b] = [left, right].map((source) => {
    const canvas = document.createElement("canvas");
    draw(canvas, source, width, height);
    return canvas.getContext("2d").getImageData(0, 0, width, height);
  });
  for (let n = 0; n < a.data.length; n++) a.data[n] = n % 4 === 3 ? 255 : 128 + 4 * (b.data[n] - a.data[n]);
  return canvasOf(a.data, width, height);
}

/** Return a canvas with these pixels. */
export function canvasOf(rgba, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas;
}
