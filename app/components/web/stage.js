// The stage's controls. props.value = {face, scene, amounts, picture}: face is null where the same face has only changed its
// expression (random: by itself), amounts are those of the expression sliders, picture is what a browser without WebGL asked
// for, turn counts the questions, so that no two answers are alike.
// The painter is in stage_gl.js, which stands before this file.
const find = (selector) => element.querySelector(selector);
const canvas = find(".face"), frame = find(".frame"), wipe = find(".wipe"), lamp = find(".lamp"), home = find(".home");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOST = [60, 40, 60]; // degrees of yaw, pitch and roll to either side, as in stage.py
const AIR = 0.88; // a face that has left its photo is drawn smaller by this, so that it does not touch the frame
const TOUCHED = 3, LEFT = 12; // degrees from the photo's own view at which the background begins to fade, and is gone
const LAMP = 0.38; // share of the ball's side from its middle to a light that comes from x = 1
const BRIGHT = 0.6; // the lamp's light is at least this strong, or moving it would show nothing
const SHOWN = {
  photo: ["Photo", "The photo, cut to the square that the model sees. Turned, it is draped over the shape."],
  rebuilt: ["Rebuilt", "All that the model kept of the photo: its shape and colour, seen and lit as you say."],
  colour: ["Colour", "The face's own colour, with light and shadow taken away."],
  depth: ["Depth", "How near each place is: bright is near."],
  normals: ["Normals", "Which way the surface faces: red to the right, green up, blue to you."],
  clay: ["Clay", "The shape alone, as if made of clay."],
  layout: ["Layout", "A net that is even on the average face, bent to where this face's features lie."],
  neutral: ["Neutral", "Without its expression: the model's guess of this person at rest."],
  error: ["Error", "Where the rebuilt face differs from the photo: bright is far off."],
};
const NUMBERS = [ // name, words, its two ends, least, most, step, where it is kept, and its sign there
  ["yaw", "Turn (yaw, °)", "left", "right", -MOST[0], MOST[0], 0.5, "angles", 0, 1],
  ["pitch", "Nod (pitch, °)", "down", "up", -MOST[1], MOST[1], 0.5, "angles", 1, 1],
  ["roll", "Tilt (roll, °)", "left", "right", -MOST[2], MOST[2], 0.5, "angles", 2, 1],
  ["ambient", "Light from all sides", "none", "full", 0, 1, 0.01, "light", 0, 1],
  ["diffuse", "Light from one side", "none", "full", 0, 1, 0.01, "light", 1, 1],
  ["light-x", "Light from left or right", "left", "right", -1, 1, 0.01, "light", 2, -1], // light is kept as where it travels to
  ["light-y", "Light from below or above", "below", "above", -1, 1, 0.01, "light", 3, 1],
];

const state = { angles: [0, 0, 0], light: [1, 0, 0, 0], zoom: 1, layer: "rebuilt", wipe: 0.5 };
let face = null, own = null, painter = null, maps = null, neutral = null, photoMap = null, netMap = null;
let waiting = false, telling = null, moving = null;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const away = () => Math.max(...state.angles.map((angle, i) => Math.abs(angle - own.angles[i])));
const most = (i) => Math.max(MOST[i], Math.abs(own.angles[i])); // a photo may show a head turned further
function share() {
  const t = clamp((away() - TOUCHED) / (LEFT - TOUCHED), 0, 1);
  return t * t * (3 - 2 * t);
}
const wiped = () => state.layer !== "photo" && away() <= TOUCHED;

function draw() {
  waiting = false;
  if (!painter) return drawPictures();
  if (!painter || !maps || !canvas.width) return;
  const look = { angles: state.angles, light: state.light, ownLight: own.light, own: face.view, share: share() };
  look.zoom = state.zoom * (1 + (AIR - 1) * look.share);
  const drawn = { photoMap, netMap }, at = wiped() ? state.wipe : 0;
  const layer = { ...drawn, maps: state.layer === "neutral" ? neutral : maps, layer: state.layer === "neutral" ? "rebuilt" : state.layer };
  painter.draw([{ ...drawn, maps, layer: "photo", from: 0, to: at }, { ...layer, from: at, to: 1 }].filter((one) => one.to > one.from), look);
}

function change(part) { // the one way in which anything on the stage changes
  Object.assign(state, part);
  state.angles = state.angles.map((angle, i) => clamp(angle, -most(i), most(i)));
  state.zoom = clamp(state.zoom, 1, 4);
  const [, , x, y] = state.light;
  lamp.style.setProperty("--x", `${50 - 100 * LAMP * x}%`);
  lamp.style.setProperty("--y", `${50 - 100 * LAMP * y}%`);
  for (const [name, , , , , , step, kept, i, sign] of NUMBERS) showNumber(name, sign * state[kept][i], step);
  showWords();
  if (!waiting) requestAnimationFrame(draw);
  waiting = true;
  clearTimeout(telling);
  telling = setTimeout(tell, 200);
}

function tell() { // what the server needs for files, and what a screen reader says: once the hand rests
  const { angles, light } = state;
  find(".said").textContent = sentence();
  trigger("release", { angles, light });
  if (!painter) ask("picture", () => ({ angles: state.angles, light: state.light, layer: state.layer }));
}

// One question of a kind at a time; of those that come meanwhile the last is asked once the answer is there.
const questions = {};
let turn = 0;
function ask(event, words) {
  const now = (questions[event] ??= {});
  if (now.waiting) return void (now.next = words);
  now.waiting = setTimeout(answered, 5000, event); // an answer that never comes
  trigger(event, { ...words(), turn: ++turn });
}
function answered(event) {
  const { waiting, next } = questions[event] ?? {};
  clearTimeout(waiting);
  questions[event] = {};
  if (next) ask(event, next);
}

// ---- without WebGL: pictures of the server, beside the photo
let picture = null, photo = null;
function showPicture(source) {
  find(".plain").hidden = false;
  find(".plain").textContent = "This browser has no WebGL, so the server draws the pictures: they follow a moment later.";
  photo ??= new Image();
  photo.onload = drawPictures;
  photo.src = face.photo;
  if (!source) return;
  picture = new Image();
  picture.onload = drawPictures;
  picture.src = source;
}
function drawPictures() {
  const pen = canvas.getContext("2d"), { width, height } = canvas, at = wiped() ? Math.round(state.wipe * width) : 0;
  pen.clearRect(0, 0, width, height);
  for (const [image, from, to] of [[picture, at, width], [photo, 0, at]]) {
    if (!image?.complete || to <= from) continue;
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, to - from, height);
    pen.clip();
    pen.drawImage(image, 0, 0, width, height);
    pen.restore();
  }
}

function pose() {
  const [yaw, pitch] = state.angles.map(Math.round);
  const parts = [yaw && `${Math.abs(yaw)}° to the ${yaw > 0 ? "right" : "left"}`, pitch && `${Math.abs(pitch)}° ${pitch > 0 ? "up" : "down"}`];
  return parts.filter(Boolean).join(", ") || "straight ahead";
}
function lightFrom() {
  const [, , x, y] = state.light;
  const parts = [Math.abs(y) > 0.1 && (y > 0 ? "above" : "below"), Math.abs(x) > 0.1 && (x > 0 ? "the left" : "the right")];
  return parts.filter(Boolean).join(" and ") || "the front";
}
const sentence = () => `${face.name}, ${SHOWN[state.layer][0].toLowerCase()}${wiped() && state.wipe > 0 ? " beside the photo" : ""}: looks ${pose()}, light from ${lightFrom()}.`;

function showWords() {
  const [name, meaning] = SHOWN[state.layer], both = wiped();
  canvas.setAttribute("aria-label", `${sentence()} Arrow keys turn it, plus and minus zoom, 0 goes back to the photo's view.`);
  lamp.setAttribute("aria-label", `Light from ${lightFrom()}. Arrow keys move it.`);
  find(".meaning").textContent = state.layer === "error" ? `${meaning} On average ${(100 * face.error).toFixed(1)} % off.` : meaning;
  wipe.hidden = !both;
  wipe.style.left = `${100 * clamp(state.wipe, 0.03, 0.97)}%`;
  wipe.setAttribute("aria-valuenow", Math.round(100 * state.wipe));
  wipe.setAttribute("aria-valuetext", `Photo on the left ${Math.round(100 * state.wipe)} %`);
  find(".tag.left").textContent = both && state.wipe > 0.12 ? "Photo" : "";
  find(".tag.right").textContent = both && state.wipe > 0.88 ? "" : name;
  home.hidden = away() < 0.05 && state.zoom === 1 && state.light.every((value, i) => Math.abs(value - own.light[i]) < 0.005);
  for (const button of find(".layers").children) {
    const on = button.dataset.layer === state.layer;
    button.setAttribute("aria-checked", on);
    button.tabIndex = on ? 0 : -1;
  }
}

// ---- numbers
function showNumber(name, value, step) {
  const [field, slider] = element.querySelectorAll(`[data-number="${name}"] input`), text = String(Number(value.toFixed(step < 0.1 ? 2 : 1)));
  slider.value = text;
  if (document.activeElement !== field) field.value = text;
}
function buildNumbers() {
  find(".numbers .rows").replaceChildren(...NUMBERS.map(([name, words, low, high, least, most, step, kept, i, sign]) => {
    const row = document.createElement("div");
    row.className = "row";
    row.dataset.number = name;
    const id = `${element.id}-${name}`;
    row.innerHTML = `<label for="${id}">${words}</label>
      <input type="number" min="${least}" max="${most}" step="any" aria-label="${words}, ${low} to ${high}">
      <span class="low">${low}</span><input type="range" id="${id}" min="${least}" max="${most}" step="${step}"><span class="high">${high}</span>
      <p class="stopped" role="status"></p>`;
    const [field, slider] = row.querySelectorAll("input"), stopped = row.querySelector(".stopped");
    const put = (value) => change({ [kept]: state[kept].map((old, k) => (k === i ? sign * value : old)) });
    slider.addEventListener("input", () => { stopped.textContent = ""; put(Number(slider.value)); });
    field.addEventListener("input", () => { if (field.value !== "") put(clamp(Number(field.value), least, most)); });
    field.addEventListener("change", () => {
      const typed = Number(field.value);
      stopped.textContent = field.value === "" ? "That is no number." : typed > most ? `${most} is the most.` : typed < least ? `${least} is the least.` : "";
      field.value = String(Number((sign * state[kept][i]).toFixed(2)));
    });
    return row;
  }));
}

// ---- expression: the server moves the face along named directions and sends its new shape and colour
function buildExpression() {
  find(".expression").hidden = !props.expressions.length;
  find(".expression .rows").replaceChildren(...props.expressions.map(({ name, low, high, most, figure }, number) => {
    const row = document.createElement("div"), make = (tag, more) => Object.assign(document.createElement(tag), more);
    Object.assign(row, { className: "row", title: figure });
    row.dataset.expression = name;
    const slider = make("input", { type: "range", id: `${element.id}-e${number}`, min: -most, max: most, step: 0.05, value: 0 });
    slider.setAttribute("aria-description", figure);
    const ends = [["low", low], ["high", high]].map(([className, textContent]) => make("span", { className, textContent }));
    row.append(ends[0], make("label", { htmlFor: slider.id, textContent: name[0].toUpperCase() + name.slice(1) }), ends[1], slider);
    slider.addEventListener("input", express);
    return row;
  }));
}
const amounts = () => Object.fromEntries([...find(".expression .rows").querySelectorAll("input")].map((slider, i) => [props.expressions[i].name, Number(slider.value)]));
const express = () => ask("input", () => ({ amounts: amounts() }));
function showAmounts(values) {
  [...find(".expression .rows").querySelectorAll("input")].forEach((slider, i) => { slider.value = values[props.expressions[i].name] ?? 0; });
}
find(".relax").addEventListener("click", () => { showAmounts({}); express(); });
find(".dice").addEventListener("click", () => ask("submit", () => ({})));

// ---- layers
function buildLayers() {
  const names = Object.keys(SHOWN).filter((name) => (name !== "layout" || face.net) && (name !== "neutral" || face.neutral));
  if (!names.includes(state.layer)) state.layer = "rebuilt";
  find(".layers").replaceChildren(...names.map((name) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: SHOWN[name][0], title: SHOWN[name][1] });
    button.setAttribute("role", "radio");
    button.dataset.layer = name;
    button.addEventListener("click", () => change({ layer: name }));
    return button;
  }));
}
find(".layers").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...find(".layers").children], now = buttons.findIndex((button) => button.dataset.layer === state.layer);
  const next = buttons[(now + step + buttons.length) % buttons.length];
  change({ layer: next.dataset.layer });
  next.focus();
});

// ---- hands: one finger or the mouse turns, two fingers or the wheel zoom
const fingers = new Map();
const span = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
canvas.addEventListener("pointerdown", (event) => {
  stop();
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const now = { x: event.clientX, y: event.clientY }, wide = fingers.size === 2 && span();
  fingers.set(event.pointerId, now);
  if (fingers.size === 2) return change({ zoom: (state.zoom * span()) / (wide || 1) });
  const degrees = 130 / canvas.clientWidth, [yaw, pitch, roll] = state.angles;
  change({ angles: [yaw + degrees * (now.x - before.x), pitch - degrees * (now.y - before.y), roll] });
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
canvas.addEventListener("wheel", (event) => { // the page scrolls on unless the stage was touched first
  if (document.activeElement !== canvas && !event.ctrlKey) return;
  event.preventDefault();
  change({ zoom: state.zoom * Math.exp(-event.deltaY / 500) });
}, { passive: false });
canvas.addEventListener("dblclick", goHome);
canvas.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 10 : 3, [yaw, pitch, roll] = state.angles;
  const turns = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
  const zoom = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 }[event.key];
  if (turns) change({ angles: [yaw + turns[0], pitch + turns[1], roll] });
  else if (zoom) change({ zoom: state.zoom * zoom });
  else if (event.key === "0" || event.key === "Home") goHome();
  else return;
  event.preventDefault();
});
find(".nearer").addEventListener("click", () => change({ zoom: state.zoom * 1.25 }));
find(".farther").addEventListener("click", () => change({ zoom: state.zoom / 1.25 }));
home.addEventListener("click", goHome);

function stop() {
  cancelAnimationFrame(moving);
  moving = null;
}
function goHome() { // back to the photo's own view and light, along a short way
  stop();
  const from = structuredClone(state), start = performance.now(), length = calm.matches ? 0 : 300;
  const blend = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);
  const step = () => {
    const t = length ? clamp((performance.now() - start) / length, 0, 1) : 1, eased = t * t * (3 - 2 * t);
    change({ angles: blend(from.angles, own.angles, eased), light: blend(from.light, own.light, eased), zoom: from.zoom + (1 - from.zoom) * eased });
    moving = t < 1 ? requestAnimationFrame(step) : null;
  };
  step();
}

// ---- the wipe and the lamp
function dragged(part, move) {
  part.addEventListener("pointerdown", (event) => { part.setPointerCapture(event.pointerId); stop(); move(event); });
  part.addEventListener("pointermove", (event) => { if (part.hasPointerCapture(event.pointerId)) move(event); });
}
dragged(wipe, (event) => {
  const box = frame.getBoundingClientRect();
  change({ wipe: clamp((event.clientX - box.left) / box.width, 0, 1) });
});
wipe.addEventListener("keydown", (event) => {
  const to = { ArrowLeft: state.wipe - 0.05, ArrowRight: state.wipe + 0.05, Home: 0, End: 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  change({ wipe: clamp(to, 0, 1) });
});
function shine(x, y) { // light that comes from x (right) and y (down)
  const far = Math.max(Math.hypot(x, y), 1), [ambient, diffuse] = state.light;
  change({ light: [Math.min(ambient, 1 - BRIGHT), Math.max(diffuse, BRIGHT), -x / far, -y / far] });
}
dragged(lamp, (event) => {
  const box = lamp.getBoundingClientRect();
  shine(((event.clientX - box.left) / box.width - 0.5) / LAMP, ((event.clientY - box.top) / box.height - 0.5) / LAMP);
});
lamp.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] }[event.key];
  if (!step) return;
  event.preventDefault();
  shine(step[0] - state.light[2], step[1] - state.light[3]);
});

// ---- what comes from the server
function load() {
  if (!props.value) return;
  const isNew = props.value.face && props.value.face.id !== face?.id, first = !face;
  const late = props.value.face?.neutral && !isNew && !face.neutral; // the neutral face follows where it takes long
  if (props.value.face) {
    face = props.value.face;
    own = { angles: face.view.slice(0, 3), light: [...face.light] };
  }
  if (painter && late) neutral = painter.upload(unpack(face.neutral));
  else if (painter) uploadAll(isNew);
  if (props.value.picture) answered("picture");
  else if (!props.value.face) answered(props.value.random ? "submit" : "input");
  if (props.value.amounts && !questions.input?.waiting) showAmounts(props.value.amounts); // unless a hand has moved on
  if (!painter) showPicture(props.value.picture);
  if (late) buildLayers();
  if (!isNew) return props.value.picture ? undefined : change({});
  stop();
  buildLayers();
  change({ angles: [...own.angles], light: [...own.light], zoom: 1, wipe: 0.5 });
  if (!first && innerWidth <= 700 && element.offsetParent) find(".table").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
}
function uploadAll(isNew) {
  painter.free(maps);
  maps = painter.upload(unpack(props.value.scene));
  if (!isNew) return;
  painter.free(neutral);
  painter.free({ photoMap, netMap });
  neutral = face.neutral && painter.upload(unpack(face.neutral));
  netMap = face.net ? painter.uploadNet(unpackNet(face.net)) : painter.uploadPicture(null);
  photoMap = painter.uploadPicture(null);
  const image = new Image(), { id } = face;
  image.onload = () => {
    if (face.id !== id) return; // another face came meanwhile
    painter.forget(photoMap);
    photoMap = painter.uploadPicture(image);
    change({});
  };
  image.src = face.photo;
}

painter = makePainter(canvas);
new ResizeObserver(() => {
  const scale = Math.min(devicePixelRatio || 1, painter?.finest ?? 1); // pixels of the canvas for one of the page
  canvas.width = canvas.height = Math.round(canvas.clientWidth * scale);
  draw();
}).observe(canvas);
canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
canvas.addEventListener("webglcontextrestored", () => { painter = makePainter(canvas); uploadAll(true); change({}); });
buildNumbers();
buildExpression();
watch("value", load);
load();
