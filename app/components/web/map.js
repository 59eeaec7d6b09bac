// Draws props.points (sent once) on a canvas; props.value says where the visitor's face falls on every map.
const { maps, titles, factors, people, frames, files, folder } = props.points;
const find = (selector) => element.querySelector(selector);
const field = find(".field"), canvas = find("canvas"), tip = find(".tip"), legend = find(".legend"), place = find(".place");
const which = find(".which"), factor = find(".factor");
const EDGE = 26, REACH = 24; // pixels: margin around the dots, and how near a pointer must come
let chosen = props.start, hovered = null, width = 0, height = 0;

for (const name of Object.keys(maps)) which.add(new Option(titles[name], name));
for (const name of Object.keys(factors)) factor.add(new Option(name, name));
which.value = "identity";

// viridis, the colour-blind safe ramp, at nine stops
const RAMP = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
function ramp(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
  return `rgb(${RAMP[i].map((low, k) => Math.round(low + (at - i) * (RAMP[i + 1][k] - low))).join(",")})`;
}
// neighbouring numbers get far-apart hues
const personColour = (person) => `hsl(${(person * 137.508) % 360} 62% ${person % 2 ? 62 : 46}%)`;

function range() {
  const values = factors[factor.value];
  return [Math.min(...values), Math.max(...values)];
}
function colours() {
  const values = factors[factor.value];
  if (factor.value === "person") return values.map(personColour);
  const [low, high] = range();
  return values.map((value) => ramp((value - low) / (high - low || 1)));
}
function spot([x, y]) {
  return [EDGE + x * (width - 2 * EDGE), height - EDGE - y * (height - 2 * EDGE)];
}
function address(i) {
  return folder + files[i];
}

function drawStar(context, x, y, radius, ink, paper) {
  context.beginPath();
  for (let k = 0; k < 10; k++) {
    const angle = (k * Math.PI) / 5 - Math.PI / 2, r = k % 2 ? radius * 0.45 : radius;
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
  context.lineJoin = "round";
  context.lineWidth = 5;
  context.strokeStyle = paper;
  context.stroke();
  context.fillStyle = ink;
  context.fill();
}

function draw() {
  if (!width) return;
  const context = canvas.getContext("2d"), scale = window.devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  context.scale(scale, scale);
  const style = getComputedStyle(field);
  const ink = style.getPropertyValue("--body-text-color") || "#222", paper = style.getPropertyValue("--background-fill-primary") || "#fff";
  const dots = maps[which.value], colour = colours(), focus = hovered ?? chosen;
  const star = props.value && props.value[which.value];
  const centre = spot(dots[focus]);
  context.lineWidth = 1;
  context.strokeStyle = ink;
  context.globalAlpha = 0.35;
  dots.forEach((dot, i) => { // the same person's pictures hang together
    if (i === focus || people[i] !== people[focus]) return;
    context.beginPath();
    context.moveTo(...centre);
    context.lineTo(...spot(dot));
    context.stroke();
  });
  const radius = width < 480 ? 4 : 5;
  dots.forEach((dot, i) => {
    const same = people[i] === people[focus];
    context.globalAlpha = same ? 1 : 0.8;
    context.beginPath();
    context.arc(...spot(dot), same ? radius + 1 : radius, 0, 7);
    context.fillStyle = colour[i];
    context.fill();
    if (same) context.stroke();
  });
  context.globalAlpha = 1;
  context.lineWidth = 2.5;
  for (const i of new Set([chosen, hovered])) {
    if (i === null) continue;
    context.beginPath();
    context.arc(...spot(dots[i]), radius + 4, 0, 7);
    context.stroke();
  }
  if (star) drawStar(context, ...spot([star.x, star.y]), 13, ink, paper);
}

function drawLegend() {
  const words = (text) => Object.assign(document.createElement("span"), { textContent: text });
  if (factor.value === "person") return legend.replaceChildren(words("One colour a person; lines join the chosen person's pictures."));
  const bar = Object.assign(document.createElement("span"), { className: "ramp" });
  bar.style.background = `linear-gradient(90deg, ${RAMP.map((c) => `rgb(${c})`).join(",")})`;
  const [low, high] = range(), unit = factor.value.startsWith("seen") ? "°" : "";
  legend.replaceChildren(words(low.toFixed(1) + unit), bar, words(high.toFixed(1) + unit), words(factor.value));
}

function drawPlace() {
  const star = props.value && props.value[which.value];
  if (!star) return place.replaceChildren();
  const words = document.createElement("div"), near = document.createElement("div");
  words.className = "words";
  words.innerHTML = "<strong>★ This face</strong> lies among these." +
    (star.far ? ' <span class="far">It is far from anything seen here, so take its place with a grain of salt.</span>' : "");
  near.className = "near";
  star.neighbours.forEach((i) => {
    const button = document.createElement("button"), image = document.createElement("img");
    button.type = "button";
    image.src = address(i);
    image.alt = `Person ${people[i]}, picture ${frames[i]}`;
    button.title = image.alt + ": show in 3D";
    button.append(image);
    button.addEventListener("click", () => choose(i));
    near.append(button);
  });
  place.replaceChildren(words, near);
}

function showTip(i) {
  hovered = i;
  tip.hidden = i === null;
  if (i !== null) {
    const [x, y] = spot(maps[which.value][i]);
    const note = factor.value === "person" ? "" : `, ${factor.value} ${factors[factor.value][i]}`;
    tip.querySelector("img").src = address(i);
    tip.querySelector("span").textContent = `Person ${people[i]}, picture ${frames[i]}${note}`;
    tip.style.left = `${Math.max(4, Math.min(width - 140, x + 16))}px`;
    tip.style.top = `${Math.max(4, y + 176 > height ? y - 176 : y + 16)}px`;
  }
  draw();
}

function nearest(event) {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  let best = null, least = REACH;
  maps[which.value].forEach((dot, i) => {
    const [dx, dy] = spot(dot), distance = Math.hypot(dx - x, dy - y);
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

function choose(i) {
  chosen = i;
  draw();
  trigger("select", { index: i });
  if (innerWidth < 700) document.querySelector("#map-viewer").scrollIntoView({ block: "center" }); // or a tap seems to do nothing
}

function step(key) { // the nearest dot in the arrow's direction, those straight ahead first
  const dots = maps[which.value], from = spot(dots[hovered ?? chosen]);
  const [ax, ay] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = null, least = Infinity;
  dots.forEach((dot, i) => {
    const [x, y] = spot(dot), ahead = (x - from[0]) * ax + (y - from[1]) * ay;
    const aside = Math.abs((x - from[0]) * ay) + Math.abs((y - from[1]) * ax);
    if (ahead > 0.5 && ahead + 2 * aside < least) [best, least] = [i, ahead + 2 * aside];
  });
  if (best !== null) showTip(best);
}

canvas.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") { const i = nearest(event); if (i !== hovered) showTip(i); } });
canvas.addEventListener("pointerleave", () => showTip(null));
canvas.addEventListener("blur", () => showTip(null));
canvas.addEventListener("click", (event) => { const i = nearest(event); showTip(i); if (i !== null) choose(i); });
canvas.addEventListener("keydown", (event) => {
  if (event.key.startsWith("Arrow")) { event.preventDefault(); step(event.key); }
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(hovered ?? chosen); }
  if (event.key === "Escape") showTip(null);
});
which.addEventListener("change", () => { showTip(null); drawPlace(); });
factor.addEventListener("change", () => { drawLegend(); draw(); });
watch("value", () => { draw(); drawPlace(); });
new ResizeObserver(() => {
  width = field.clientWidth;
  height = field.clientHeight;
  draw();
}).observe(field);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(draw, 100));
drawLegend();
drawPlace();
