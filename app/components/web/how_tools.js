// What the parts of How it works share: elements, motion that ends by itself and can be stopped, panes with a mark.
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const ease = (share) => (1 - Math.cos(Math.PI * clamp(share, 0, 1))) / 2;

function make(tag, traits = {}, ...children) {
  const made = Object.assign(document.createElement(tag), traits);
  made.append(...children);
  return made;
}

/** Motion for some seconds, with a button that starts it again: step(share of the way, seconds). */
function motion(seconds, step) {
  const button = make("button", { type: "button", className: "play" });
  let began = null, frame = 0;
  const name = () => { button.textContent = began === null ? "Play" : "Pause"; };
  const stop = () => { cancelAnimationFrame(frame); began = null; name(); };
  const tick = (now) => {
    if (!button.isConnected) return stop();
    const passed = Math.max(0, now - began) / 1000; // the first frame may carry an earlier time
    step(Math.min(1, passed / seconds), passed);
    if (passed >= seconds) return stop();
    frame = requestAnimationFrame(tick);
  };
  const start = () => { cancelAnimationFrame(frame); began = performance.now(); name(); frame = requestAnimationFrame(tick); };
  button.addEventListener("click", () => (began === null ? start() : stop()));
  name();
  return { button, stop, start, first: () => { if (!calm) start(); } };
}

/** A picture with its caption. */
function pane({ src, label }, extra = "") {
  const image = make("img", { src, alt: label, draggable: false }), box = make("div", { className: "frame" }, image);
  const figure = make("figure", { className: `pane ${extra}` }, box, make("figcaption", { textContent: label }));
  return { figure, box, image };
}

/** A dot on a pane at u, v in [-1, 1]. */
function dot(box) {
  const made = make("i", { className: "dot" });
  box.append(made);
  return ([u, v]) => { made.style.left = `${50 + 50 * u}%`; made.style.top = `${50 + 50 * v}%`; };
}

/** Where a pointer is on a box, u and v in [-1, 1], while it moves or is pressed. */
function pointed(box, told) {
  const tell = (event) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    told([clamp(((event.clientX - left) / width) * 2 - 1, -1, 1), clamp(((event.clientY - top) / height) * 2 - 1, -1, 1)], event);
  };
  box.addEventListener("pointermove", tell);
  box.addEventListener("pointerdown", tell);
}

function slider(label, min, max, step, value, told) {
  const input = make("input", { type: "range", min, max, step, value });
  input.setAttribute("aria-label", label);
  input.addEventListener("input", () => told(Number(input.value)));
  return { input, row: make("label", { className: "dial" }, make("span", { textContent: label }), input) };
}

/** Arrow keys on a box move a point. */
function keyed(box, label, at, told) {
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", label);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    told(at().map((one, i) => clamp(one + 0.06 * step[i], -1, 1)));
  });
}

// blue below zero, orange above, paler near zero: told apart by everyone
function twoSided(value) {
  const share = Math.min(1, Math.abs(value) / 2.5), end = value < 0 ? [33, 102, 172] : [217, 95, 2];
  return end.map((channel) => Math.round(245 + share * (channel - 245)));
}

// dark to bright
function heatOf(share) {
  const t = clamp(share, 0, 1), low = [13, 15, 36], middle = [184, 54, 84], high = [255, 237, 168];
  const [from, to, s] = t < 0.5 ? [low, middle, 2 * t] : [middle, high, 2 * t - 1];
  return from.map((channel, i) => Math.round(channel + s * (to[i] - channel)));
}

/** Numbers as a picture, one a pixel. */
function paintNumbers(canvas, numbers, wide, colour) {
  canvas.width = wide;
  canvas.height = Math.ceil(numbers.length / wide);
  const image = new ImageData(canvas.width, canvas.height);
  numbers.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
