// Slider, views, zoom, decoding, animations, copying of colours, and sorting of the index. Nothing is loaded, sent or
// stored.
"use strict";

document.documentElement.classList.remove("plain");

const LARGEST_ZOOM = 32;
const WIDEST = 16384; // pixels on the screen, which browsers still draw
const FITTED_ZOOM = 16; // of small pictures, until someone zooms
const KEYS = { 0: "slider", 1: "original", 2: "kpal", 3: "difference" };
const PLAY_KEYS = { p: "toggle", ",": "back", ".": "next" };
const NEAR = { rootMargin: "50%" }; // how far from the window pictures are decoded, before anyone sees them

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

// The bytes in a data: URL.
function bytesOf(url) {
  const text = atob(url.slice(url.indexOf(",") + 1));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const blobUrl = (data, type) => URL.createObjectURL(new Blob([data], { type }));

const decoder = document.getElementById("decoder"); // missing if all pictures are reduced
const DECODER_URL = decoder && blobUrl(decoder.textContent, "text/javascript");

// The .kpal file behind a link, decoded in a worker, so that the page stays responsive.
class KpalFile {
  constructor(link) {
    const bytes = bytesOf(link.getAttribute("href"));
    link.href = blobUrl(bytes, "image/x-kpal"); // browsers do not save long data: URLs
    this.opening = { bytes, orientation: Number(link.dataset.orientation) };
    this.worker = new Worker(DECODER_URL);
  }

  // A frame as a PNG file, and how many frames have been decoded in how many milliseconds; one frame at a time.
  frame(number) {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
      this.worker.onerror = ({ message }) => reject(new Error(message || "the decoder has stopped"));
      this.worker.postMessage({ ...this.opening, number });
      this.opening = {};
    });
  }

  close() {
    this.worker.terminate();
  }
}

class Viewer {
  constructor(figure) {
    this.figure = figure;
    this.stage = figure.querySelector(".stage");
    this.sides = figure.querySelector(".sides");
    this.range = figure.querySelector(".split");
    this.output = figure.querySelector(".zoom output");
    this.width = Number(figure.style.getPropertyValue("--width"));
    this.height = Number(figure.style.getPropertyValue("--height"));
    this.fitted = true;

    this.range.addEventListener("input", () => this.place());
    this.stage.addEventListener("scroll", () => this.place());
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.press(event));
    figure.querySelector(".zoom").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.command(button.dataset.zoom);
    });
    this.link = figure.querySelector("[download]");
    if (this.link) {
      this.tell("Decoding", "…");
      new IntersectionObserver(([entry]) => entry.isIntersecting && this.decode(), NEAR).observe(figure);
    }
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(this.stage);
    this.fit();
  }

  // Shows kpal's side from the file, or why that is impossible; once.
  decode() {
    this.decoding ??= this.open().catch((error) => this.fail(error));
    return this.decoding;
  }

  async open() {
    this.file = new KpalFile(this.link);
    if ("moving" in this.figure.dataset) {
      const player = new Player(this);
      await player.begin();
      this.player = player;
    } else {
      const { png, milliseconds } = await this.file.frame(0);
      this.file.close();
      await replace(this.figure.querySelector(".sides .kpal"), blobUrl(png, "image/png"));
      this.succeed("kpal's side", milliseconds);
    }
  }

  succeed(what, milliseconds) {
    const time = milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds).toLocaleString("en");
    this.figure.classList.remove("preview");
    this.tell(`Your browser decoded ${what} with JavaScript, in ${time} ms, from`, ".");
  }

  fail({ message }) {
    this.file?.close();
    this.player = null;
    this.figure.classList.add("failed");
    this.link.parentElement.setAttribute("role", "alert");
    this.tell("kpal's side could not be decoded from", `: ${message}`);
  }

  // What the sentence about the file says before its name, and after it.
  tell(before, after) {
    this.link.parentElement.firstElementChild.textContent = before;
    this.link.nextElementSibling.textContent = after;
  }

  // The largest zoom at which all of the picture is visible: whole numbers enlarge, fractions reduce.
  fit() {
    const tallest = parseFloat(getComputedStyle(this.stage).maxHeight);
    const room = Math.min(this.stage.clientWidth / this.width, tallest / this.height);
    const zoom = room >= 1 ? Math.min(Math.floor(room), FITTED_ZOOM) : room;
    this.fitted = true;
    this.setZoom(zoom);
  }

  get most() {
    return Math.max(1, Math.min(LARGEST_ZOOM, Math.floor(WIDEST / Math.max(this.width, this.height))));
  }

  command(name) {
    if (name === "fit") return this.fit();
    // Powers of two above 1, and halves below it.
    const exponent = Math.log2(this.zoom);
    const next = name === "in" ? Math.floor(exponent + 1.001) : Math.ceil(exponent - 1.001);
    this.zoomTo(2 ** next);
  }

  // Zooms so that the point of the picture at (x, y) of the stage, by default its centre, stays where it is.
  zoomTo(zoom, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const { stage } = this;
    const from = this.sides.getBoundingClientRect();
    const frame = stage.getBoundingClientRect();
    const left = clamp((x - (from.left - frame.left)) / from.width, 0, 1);
    const top = clamp((y - (from.top - frame.top)) / from.height, 0, 1);
    this.fitted = false;
    this.setZoom(clamp(zoom, 1 / 16, this.most));
    stage.scrollLeft = left * this.width * this.zoom - x;
    stage.scrollTop = top * this.height * this.zoom - y;
    this.place();
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.figure.style.setProperty("--zoom", zoom);
    this.figure.classList.toggle("crisp", zoom >= 1);
    this.output.textContent = `${Math.round(100 * zoom)} %`;
    this.figure.querySelector('[data-zoom="in"]').disabled = zoom >= this.most;
    this.figure.querySelector('[data-zoom="out"]').disabled = zoom <= 1 / 16;
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = this.stage;
    this.loose = scrollWidth > clientWidth || scrollHeight > clientHeight;
    this.stage.classList.toggle("loose", this.loose);
    this.stage.style.touchAction = this.loose ? "auto" : "pan-y pinch-zoom";
    this.place();
  }

  get visible() {
    return Math.min(this.stage.clientWidth, this.width * this.zoom);
  }

  // The slider counts from the left edge of what is visible, so that the line does not leave the view.
  place() {
    const at = this.stage.scrollLeft + (this.range.value / 100) * this.visible;
    this.figure.style.setProperty("--split", `${(100 * at) / (this.width * this.zoom)}%`);
    this.figure.style.setProperty("--shown", `${this.visible}px`);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = this.stage.getBoundingClientRect();
    this.zoomTo(this.zoom * 2 ** (-event.deltaY / 200), event.clientX - frame.left, event.clientY - frame.top);
  }

  // A press on the line, or anywhere if there is nothing to pan, moves the line; another one pans.
  press(event) {
    if (event.button !== 0) return;
    const slides = event.target.closest(".handle") || (!this.loose && this.view === "slider");
    if (!slides && (!this.loose || event.pointerType === "touch")) return; // touch pans by itself
    const { stage } = this;
    let last = event;
    const move = (now) => {
      if (slides) {
        const edge = this.sides.getBoundingClientRect().left + stage.scrollLeft;
        this.range.value = clamp((100 * (now.clientX - edge)) / this.visible, 0, 100);
      } else {
        stage.scrollLeft -= now.clientX - last.clientX;
        stage.scrollTop -= now.clientY - last.clientY;
      }
      last = now;
      this.place();
    };
    const stop = () => {
      stage.removeEventListener("pointermove", move);
      stage.classList.remove("panned");
    };
    if (slides) move(event);
    else stage.classList.add("panned");
    stage.setPointerCapture(event.pointerId);
    stage.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, stop, { once: true });
  }

  get view() {
    return this.figure.querySelector("fieldset :checked").value;
  }

  set view(name) {
    this.figure.querySelector(`[value="${name}"]`).checked = true;
  }
}

// Shows what is at an address in the place of an image, as soon as it can be painted.
async function replace(image, url) {
  const other = image.cloneNode();
  other.src = url;
  await other.decode().catch(() => {
    if (!other.naturalWidth) throw new Error("the browser cannot show a picture of this size");
  });
  image.replaceWith(other);
}

// A canvas that takes the place of an image.
function canvasFor(image) {
  const canvas = document.createElement("canvas");
  canvas.className = image.className;
  canvas.width = image.getAttribute("width");
  canvas.height = image.getAttribute("height");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", image.alt);
  return canvas;
}

// The frames of an animated PNG in which each frame changes a box of the one before, as kpal writes them. Browsers play
// such files, but not in step with another picture, and none can be paused.
class Film {
  constructor(data) {
    this.frames = [];
    this.drawn = -1;
    this.parse(data);
  }

  parse(data) {
    const view = new DataView(data.buffer);
    this.signature = data.slice(0, 8);
    this.shared = []; // chunks before the pixels, such as the palette
    for (let at = 8; at < data.length; ) {
      const length = view.getUint32(at);
      const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
      const content = data.subarray(at + 8, at + 8 + length);
      if (type === "IHDR") this.header = content;
      else if (type === "acTL") this.plays = view.getUint32(at + 12);
      else if (type === "fcTL") {
        const [width, height, x, y] = [4, 8, 12, 16].map((offset) => view.getUint32(at + 8 + offset));
        const ms = (1000 * view.getUint16(at + 28)) / (view.getUint16(at + 30) || 100);
        const over = data[at + 33] === 1;
        this.frames.push({ width, height, x, y, over, ms: ms > 10 ? ms : 100, parts: [] }); // as browsers do
      } else if (type === "IDAT") this.frames.at(-1).parts.push(content);
      else if (type === "fdAT") this.frames.at(-1).parts.push(content.subarray(4));
      else if (!this.frames.length && type !== "IEND") this.shared.push(data.subarray(at, at + 12 + length));
      at += 12 + length;
    }
  }

  // A frame as a PNG of its own.
  bitmap({ width, height, parts }) {
    const header = this.header.slice();
    new DataView(header.buffer).setUint32(0, width);
    new DataView(header.buffer).setUint32(4, height);
    const pixels = parts.map((part) => chunk("IDAT", part));
    const file = [this.signature, chunk("IHDR", header), ...this.shared, ...pixels, chunk("IEND", new Uint8Array())];
    return createImageBitmap(new Blob(file, { type: "image/png" }));
  }

  // Draws a frame, and those before it that it needs, on a canvas that has the one that was drawn last.
  async draw(number, context) {
    for (let i = number < this.drawn ? 0 : this.drawn + 1; i <= number; i++) {
      const frame = this.frames[i];
      const bitmap = await this.bitmap(frame);
      if (!frame.over) context.clearRect(frame.x, frame.y, frame.width, frame.height);
      context.drawImage(bitmap, frame.x, frame.y);
      bitmap.close();
    }
    this.drawn = number;
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function chunk(type, content) {
  const data = new Uint8Array(content.length + 12);
  const view = new DataView(data.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) data[4 + i] = type.charCodeAt(i);
  data.set(content, 8);
  let crc = 0xffffffff;
  for (let i = 4; i < content.length + 8; i++) crc = CRC[(crc ^ data[i]) & 255] ^ (crc >>> 8);
  view.setUint32(content.length + 8, ~crc);
  return data;
}

// Plays the original and the result of kpal in step.
class Player {
  constructor(viewer) {
    const { figure } = viewer;
    this.viewer = viewer;
    this.images = [".original", ".kpal"].map((side) => figure.querySelector(`.sides ${side}`));
    this.canvases = this.images.map(canvasFor);
    this.contexts = this.canvases.map((canvas) => canvas.getContext("2d"));
    this.film = new Film(bytesOf(this.images[0].getAttribute("src")));
    this.tools = figure.querySelector(".play");
    this.tools.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.command(button.dataset.play);
    });
    this.count = this.film.frames.length;
    this.left = this.film.plays || Infinity;
    this.number = 0;
    this.work = Promise.resolve();
  }

  // Takes the place of the images as soon as the first frame is there.
  async begin() {
    await this.draw(0);
    this.images.forEach((image, i) => image.replaceWith(this.canvases[i]));
    this.tools.hidden = false;
    new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.next();
    }).observe(this.viewer.figure);
    this.play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  command(name) {
    if (name === "toggle") {
      if (!this.playing && !this.left) this.left = this.film.plays || Infinity;
      return this.play(!this.playing);
    }
    this.play(false);
    this.show((this.number + (name === "next" ? 1 : this.count - 1)) % this.count);
  }

  play(playing) {
    this.playing = playing;
    this.tools.querySelector('[data-play="toggle"]').textContent = playing ? "Pause" : "Play";
    this.next();
  }

  // One frame after the other, on both sides at once.
  show(number) {
    this.number = number;
    this.work = this.work.then(() => this.draw(number)).catch((error) => this.fail(error));
    return this.work;
  }

  async draw(number) {
    const { png, decoded, milliseconds } = await this.viewer.file.frame(number);
    const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
    const [original, kpal] = this.contexts;
    await this.film.draw(number, original);
    kpal.clearRect(0, 0, bitmap.width, bitmap.height);
    kpal.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.tools.querySelector("output").textContent = `${number + 1} / ${this.count}`;
    this.viewer.succeed(`${decoded} of ${this.count} frames`, milliseconds);
  }

  fail(error) {
    this.play(false);
    this.tools.hidden = true;
    this.viewer.fail(error);
  }

  // Waits for the end of the frame, and goes on unless something has changed meanwhile.
  next() {
    clearTimeout(this.timer);
    if (!this.playing || !this.seen) return;
    this.timer = setTimeout(async () => {
      if (this.number === this.count - 1 && --this.left <= 0) return this.play(false);
      const start = performance.now();
      await this.show((this.number + 1) % this.count);
      this.late = performance.now() - start;
      this.next();
    }, Math.max(0, this.film.frames[this.number].ms - (this.late || 0)));
  }
}

const viewers = Array.from(document.querySelectorAll(".viewer"), (figure) => new Viewer(figure));

// The viewer that keys are for: the one with the focus, or under the pointer, or nearest to the middle of the window.
function current() {
  const own = viewers.find(({ figure }) => figure.contains(document.activeElement) || figure.matches(":hover"));
  if (own) return own;
  const distance = ({ figure }) => {
    const { top, bottom } = figure.getBoundingClientRect();
    const middle = window.innerHeight / 2;
    return Math.max(top - middle, middle - bottom, 0);
  };
  return viewers.reduce((best, viewer) => (!best || distance(viewer) < distance(best) ? viewer : best), undefined);
}

// Printing does not wait for pictures that nobody has seen yet, but finds them the next time.
addEventListener("beforeprint", async () => {
  for (const viewer of viewers) if (viewer.link) await viewer.decode();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const viewer = current();
  if (!viewer) return;
  if (event.key in KEYS) viewer.view = KEYS[event.key];
  else if (event.key === "+" || event.key === "=") viewer.command("in");
  else if (event.key === "-") viewer.command("out");
  else if (event.key in PLAY_KEYS && viewer.player) viewer.player.command(PLAY_KEYS[event.key]);
  else return;
  event.preventDefault();
});

// Colours: a pointer or the focus shows an entry, a press copies it.
const toast = document.querySelector(".toast");

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without permission for the clipboard, the older way still works.
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) return false;
  }
  return true;
}

function say(text) {
  toast.textContent = text;
  toast.classList.add("seen");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => toast.classList.remove("seen"), 1500);
}

for (const palette of document.querySelectorAll(".palette")) {
  const buttons = Array.from(palette.querySelectorAll(".swatches button"));
  const readout = palette.querySelector(".readout");
  const show = (event) => {
    const button = event.target.closest("button");
    if (button) readout.textContent = button.title;
  };
  palette.addEventListener("pointerover", show);
  palette.addEventListener("focusin", show);
  palette.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { color } = button.dataset;
    say((await copy(color)) ? `Copied ${color}` : `This browser does not let pages copy: ${color}`);
    button.focus({ preventScroll: true });
  });
  // One stop for the Tab key; arrows move within.
  buttons.forEach((button, i) => (button.tabIndex = i ? -1 : 0));
  palette.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = buttons.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    const next = buttons[clamp(at + step, 0, buttons.length - 1)];
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

// The index: a press on a heading sorts by its column, a second press the other way.
const collator = new Intl.Collator(undefined, { numeric: true });

for (const table of document.querySelectorAll(".index table")) {
  const headings = Array.from(table.tHead.rows[0].cells);
  const body = table.tBodies[0];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const descending = heading.ariaSort === "ascending";
      for (const other of headings) other.ariaSort = "none";
      heading.ariaSort = descending ? "descending" : "ascending";
      const value = (row) => row.cells[column].dataset.value;
      const compare = column ? (a, b) => value(a) - value(b) : (a, b) => collator.compare(value(a), value(b));
      const rows = Array.from(body.rows).sort(compare);
      body.append(...(descending ? rows.reverse() : rows));
    });
  });
}
