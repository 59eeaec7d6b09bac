// The toy's page: drawing, training in a worker, arrows, walks. The mathematics is in toy_math.js.
const find = (selector) => element.querySelector(selector);
const board = find(".stage canvas"), pen2d = board.getContext("2d"), calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const PRESETS = [["moons", "Two moons"], ["ring", "Ring"], ["smiley", "Smiley"]], COLOURS = ["#e4572e", "#2a7fff"], NAMES = ["Orange", "Blue"];
const STEPS = [5, 10, 20, 50], ROUNDS = 1500, RATE = 6e-3, FEWEST = 10, MOST = 700, WALKERS = 220, ARROWS = 15, SHOW = 1.05; // SHOW: half width of the board
let points = preset("moons"), group = 0, told = -1, training = null, walking = null, pen = null, field = null, seed = 1;
let losses = [];

// ---- from the plane to pixels and back
const size = () => board.clientWidth;
const toPixels = ([x, y]) => [((x / SHOW + 1) / 2) * size(), ((y / SHOW + 1) / 2) * size()];
const fromPixels = (x, y) => [(2 * x / size() - 1) * SHOW, (2 * y / size() - 1) * SHOW];
const say = (words) => { find(".said").textContent = words; };
const guidance = () => Number(find(".guidance").value), steps = () => STEPS[Number(find(".steps").value)], time = () => Number(find(".noise").value);

function paint(now = 0) {
  const side = size(), scale = Math.min(devicePixelRatio, 2), ink = getComputedStyle(element).getPropertyValue("--body-text-color") || "#222";
  if (!side) return;
  const pixels = Math.round(side * scale); // a new canvas is 300 wide and 150 high: right in width alone on some phones
  if (board.width !== pixels || board.height !== pixels) board.width = board.height = pixels;
  pen2d.setTransform(scale, 0, 0, scale, 0, 0);
  pen2d.clearRect(0, 0, side, side);
  pen2d.globalAlpha = walking ? 0.22 : 0.75;
  for (const { x, y, group: own } of points) disc(toPixels([x, y]), 3, COLOURS[own]);
  pen2d.globalAlpha = 1;
  if (field && !walking) for (const { from, to, far } of field) arrow(from, to, far, ink);
  if (walking) {
    const along = Math.min(walking.ways[0].length - 1, (now - walking.began) / walking.pace), low = Math.min(Math.floor(along), walking.ways[0].length - 2), share = along - low;
    for (const way of walking.ways) {
      const place = way[low].map((one, k) => one + share * (way[low + 1][k] - one));
      disc(toPixels(place), 3.4, told < 0 ? ink : COLOURS[told]);
    }
  }
  if (pen && document.activeElement === board) {
    const [x, y] = toPixels(pen);
    pen2d.strokeStyle = COLOURS[group];
    pen2d.lineWidth = 3;
    pen2d.strokeRect(x - 9, y - 9, 18, 18);
  }
}

function disc([x, y], radius, colour) {
  pen2d.fillStyle = colour;
  pen2d.beginPath();
  pen2d.arc(x, y, radius, 0, 7);
  pen2d.fill();
}

function arrow([x, y], [u, v], far, ink) {
  const angle = Math.atan2(v - y, u - x);
  pen2d.strokeStyle = pen2d.fillStyle = ink;
  pen2d.globalAlpha = 0.25 + 0.6 * far;
  pen2d.lineWidth = 1.4;
  pen2d.beginPath();
  pen2d.moveTo(x, y);
  pen2d.lineTo(u, v);
  for (const side of [-2.6, 2.6]) { pen2d.moveTo(u, v); pen2d.lineTo(u + 5 * Math.cos(angle + side), v + 5 * Math.sin(angle + side)); }
  pen2d.stroke();
  pen2d.globalAlpha = 1;
}

function arrows() { // from places of noisy points towards the guess, at most as long as their distance
  if (!training) return void (field = null);
  const { network, scaled } = training, gap = size() / ARROWS;
  field = [];
  for (let i = 0; i < ARROWS; i++) for (let j = 0; j < ARROWS; j++) {
    const from = [(i + 0.5) * gap, (j + 0.5) * gap], [x, y] = scaled.to(fromPixels(...from));
    const guess = toPixels(scaled.back(guessed(network, x, y, time(), told, guidance())));
    const way = [guess[0] - from[0], guess[1] - from[1]], length = Math.hypot(...way), shown = Math.min(length, 0.85 * gap) / (length || 1);
    field.push({ from, to: [from[0] + shown * way[0], from[1] + shown * way[1]], far: Math.min(1, length / (4 * gap)) });
  }
}

function curve() {
  const canvas = find(".curve"), context = canvas.getContext("2d"), top = Math.max(...losses, 1e-9);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = COLOURS[1];
  context.lineWidth = 2;
  context.beginPath();
  losses.forEach((loss, i) => context.lineTo((i / (ROUNDS / 10)) * canvas.width, canvas.height - 3 - (loss / top) * (canvas.height - 6)));
  context.stroke();
}

// ---- training, in a worker of its own, so that the page stays smooth
const WORKER = `${props.mathematics}
onmessage = ({ data: { points, seed, rounds, rate } }) => {
  const { network, step } = makeTraining(points, seed), losses = [];
  let mean = 0, told = 0;
  for (let round = 0; round < rounds; round++) {
    const loss = step(rate * (1 - (0.95 * round) / rounds));
    mean += (round ? 0.03 : 1) * (loss - mean);
    if (round % 10 === 9) losses.push(mean);
    if (performance.now() - told < 200 && round + 1 < rounds) continue;
    told = performance.now();
    postMessage({ network, round: round + 1, losses });
  }
};`;
let worker = null;
function start() {
  if (points.length < FEWEST) return say(`Draw at least ${FEWEST} points first.`);
  stop();
  walking = null;
  training = { network: makeTraining(points, ++seed).network, scaled: standardized(points) };
  const address = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  worker = new Worker(address);
  URL.revokeObjectURL(address);
  worker.onmessage = learned;
  worker.postMessage({ points, seed, rounds: ROUNDS, rate: RATE });
  find(".train").textContent = "Stop";
  say("Training …");
}
function stop() {
  worker?.terminate();
  worker = null;
}
function learned({ data: { network, round, losses: so } }) {
  if (!element.isConnected) return stop();
  [training.network, losses] = [network, so];
  const loss = (losses.at(-1) ?? 0).toFixed(3);
  if (round === ROUNDS) {
    finish(`Trained: ${ROUNDS} steps, loss ${loss}.`);
    return walk();
  }
  say(`Training: ${round} of ${ROUNDS} steps, loss ${loss}`);
  find(".train").dataset.round = round;
  arrows();
  curve();
  paint();
}
function finish(words) {
  stop();
  find(".train").textContent = "Train again";
  say(words);
  arrows();
  curve();
  paint();
}

// ---- walks
function walk() {
  if (!training) return say("Train first: before that the network knows nothing.");
  const count = steps(), ways = walks(training.network, WALKERS, count, told, guidance(), seed++).map((way) => way.map(training.scaled.back));
  walking = { ways, pace: Math.min(500, 3000 / count), began: performance.now() };
  const off = distance(ways.map((way) => way[count]), told < 0 ? points : points.filter((one) => one.group === told));
  board.dataset.off = off;
  if (!worker) say(`${WALKERS} points walked ${count} steps; they end ${off.toFixed(3)} from the nearest of yours, on average (the board is 2.1 wide).`);
  if (calm) return paint(Infinity);
  const tick = (now) => {
    if (!walking || !element.isConnected) return;
    paint(Math.max(now, walking.began));
    if (now - walking.began < walking.pace * count) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

// ---- drawing
function changed(words) { // what was learned of other points is let go of
  stop();
  training = field = walking = null;
  find(".train").textContent = "Train";
  say(words);
  paint();
}
function add(x, y) {
  if (points.length >= MOST) return say(`${MOST} points are enough.`);
  const jitter = () => 0.03 * (Math.random() - 0.5);
  for (let k = 0; k < 3; k++) points.push({ x: x + jitter(), y: y + jitter(), group });
  changed(`${points.length} points.`);
}
let last = null;
board.addEventListener("pointerdown", (event) => { board.setPointerCapture(event.pointerId); last = [event.offsetX, event.offsetY]; add(...fromPixels(...last)); });
board.addEventListener("pointermove", (event) => {
  if (!last || Math.hypot(event.offsetX - last[0], event.offsetY - last[1]) < 9) return;
  last = [event.offsetX, event.offsetY];
  add(...fromPixels(...last));
});
for (const type of ["pointerup", "pointercancel"]) board.addEventListener(type, () => { last = null; });
board.addEventListener("keydown", (event) => {
  const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  pen ??= [0, 0];
  if (step) pen = pen.map((one, k) => Math.min(1, Math.max(-1, one + 0.05 * step[k])));
  else if (event.key === " ") add(...pen);
  else if (event.key.toLowerCase() === "c") choose(".pens", (group = 1 - group));
  else return;
  event.preventDefault();
  paint();
});
for (const type of ["focus", "blur"]) board.addEventListener(type, () => paint());

// ---- controls
function radios(selector, name, entries, chosen, told) {
  for (const [value, label, colour] of entries) {
    const box = document.createElement("label"), input = Object.assign(document.createElement("input"), { type: "radio", name, value, checked: value === chosen }), words = document.createElement("span");
    words.textContent = label;
    if (colour) words.style.setProperty("--ink", colour);
    input.addEventListener("change", () => told(value));
    box.append(input, words);
    find(selector).append(box);
  }
}
const choose = (selector, value) => { for (const input of find(selector).querySelectorAll("input")) input.checked = Number(input.value) === value; };
const button = (label, pressed) => {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
  made.addEventListener("click", pressed);
  find(".presets").append(made);
};
for (const [name, label] of PRESETS) button(label, () => { points = preset(name); changed(`${label}: ${points.length} points.`); });
button("Clear", () => { points = []; changed("Draw points on the board: in two colours, if you like."); });
radios(".pens", "toy-pen", [[0, "Orange pen", COLOURS[0]], [1, "Blue pen", COLOURS[1]]], 0, (value) => { group = value; });
radios(".told", "toy-told", [[-1, "Anything"], [0, NAMES[0], COLOURS[0]], [1, NAMES[1], COLOURS[1]]], -1, (value) => { told = value; settle(true); });
function numbers() {
  find(".time").textContent = time();
  find(".amount").textContent = told < 0 ? `${guidance()} (choose a colour first)` : guidance();
  find(".count").textContent = steps();
}
function settle(again = false) {
  numbers();
  if (again && training && !worker) return walk();
  walking = null;
  arrows();
  paint();
}
find(".noise").addEventListener("input", () => settle());
for (const name of [".guidance", ".steps"]) find(name).addEventListener("input", numbers);
for (const name of [".guidance", ".steps"]) find(name).addEventListener("change", () => settle(true));
find(".train").addEventListener("click", () => (worker ? finish(`Stopped after ${find(".train").dataset.round ?? 0} steps.`) : start()));
find(".walk").addEventListener("click", walk);
new ResizeObserver(() => { arrows(); paint(Infinity); }).observe(board);
numbers();
say(`Two moons: ${points.length} points. Press Train.`);
paint();
