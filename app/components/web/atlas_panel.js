// One map: its view, and all that is drawn on it: density, dots, faces when near, stars, the lasso.
const EDGE = 24, FACES = 140, FACE = 40;
const GREY = packedColour([150, 150, 150], 90);

function makePanel(name, number) {
  const box = document.createElement("div");
  box.className = "panel" + (number ? " aside" : "");
  box.innerHTML = `<div class="head"><select aria-label="Which map"></select><button type="button" class="in" aria-label="Nearer" title="Nearer">+</button><button type="button" class="out" aria-label="Farther" title="Farther">−</button><button type="button" class="home" aria-label="All of the map" title="All of the map">⤢</button></div>
    <div class="field"><canvas tabindex="0" role="application" aria-label="Faces as dots. Arrow keys move to a neighbouring dot, Enter shows it in 3D, plus and minus zoom, 0 shows all, L selects dots like this one, Escape clears."></canvas></div><p></p>`;
  find(".panels").append(box);
  const canvas = box.querySelector("canvas"), which = box.querySelector("select");
  for (const [key, title] of Object.entries(titles)) which.add(new Option(title[0], key));
  which.value = name;
  const panel = { box, canvas, which, view: { x: 0, y: 0, zoom: 1 }, xs: new Float32Array(count), ys: new Float32Array(count), width: 0, height: 0, lasso: null, waiting: false };
  which.addEventListener("change", () => { describe(panel); goHome(panel); });
  box.querySelector(".in").addEventListener("click", () => zoomAt(panel, 1.5));
  box.querySelector(".out").addEventListener("click", () => zoomAt(panel, 1 / 1.5));
  box.querySelector(".home").addEventListener("click", () => goHome(panel));
  new ResizeObserver(() => {
    panel.scale = Math.min(devicePixelRatio || 1, 2);
    panel.width = Math.round(canvas.clientWidth * panel.scale);
    panel.height = Math.round(canvas.clientHeight * panel.scale);
    if (panel.width) draw(panel);
  }).observe(canvas);
  describe(panel);
  return panel;
}
function describe(panel) {
  const trusted = trust[panel.which.value]?.[state.method];
  const words = trusted === undefined || trusted === null ? "" : ` ${trusted.toFixed(2)}: ${trusted > 0.95 ? "dots that are close are close in the code too" : trusted > 0.85 ? "most dots that are close are close in the code too" : "many dots are close here that are not close in the code"}.`;
  const term = Object.assign(document.createElement("span"), { className: "term", tabIndex: 0, textContent: "Trustworthiness" });
  term.dataset.meaning = trustMeaning;
  panel.box.querySelector("p").replaceChildren(`${titles[panel.which.value][1]} `, ...(words ? [term, words] : []));
}
function goHome(panel) { panel.view = { x: 0, y: 0, zoom: 1 }; draw(panel); }
function zoomAt(panel, factor, x = panel.width / 2, y = panel.height / 2) {
  const { view } = panel, zoom = clamp(view.zoom * factor, 1, 80), ratio = zoom / view.zoom;
  panel.view = { zoom, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio };
  draw(panel);
}
function spot(panel, x, y) { // from shares of the map to pixels of the canvas
  const { view, width, height, scale } = panel, edge = EDGE * scale;
  return [view.x + view.zoom * (edge + x * (width - 2 * edge)), view.y + view.zoom * (height - edge - y * (height - 2 * edge))];
}
function draw(panel) {
  if (panel.waiting) return;
  panel.waiting = true;
  requestAnimationFrame(() => { panel.waiting = false; drawNow(panel); });
}
const drawAll = () => panels.forEach(draw);
document.addEventListener("language", drawAll); // the stars have names

// what the dots of a map depend on; while it stays, they are neither placed nor drawn again
const ground = ({ view, width, height, which }) => `${view.x} ${view.y} ${view.zoom} ${width} ${height} ${state.method} ${which.value}`;
function layOut(panel) {
  if (panel.laid === ground(panel)) return;
  panel.laid = ground(panel);
  const at = places(state.method, panel.which.value), { xs, ys } = panel, [x0, y0] = spot(panel, 0, 0), [x1, y1] = spot(panel, 1, 1);
  for (let i = 0; i < count; i++) {
    xs[i] = x0 + at[2 * i] * (x1 - x0);
    ys[i] = y0 + at[2 * i + 1] * (y1 - y0);
  }
}
const radiusOf = ({ scale, view }) => scale * clamp((count > 50000 ? 0.8 : count > 8000 ? 1.6 : count > 1500 ? 2.2 : 3.5) * Math.sqrt(view.zoom), 0.8, 6);
function drawGround(panel) { // dots, density, and faces where they are near: all that stays while a hand hovers
  const { width, height, xs, ys } = panel;
  if (panel.base?.width !== width || panel.base.height !== height) {
    panel.base = new OffscreenCanvas(width, height);
    panel.image = null;
  }
  const context = panel.base.getContext("2d");
  panel.image ??= context.createImageData(width, height);
  const pixels = new Uint32Array(panel.image.data.buffer);
  pixels.fill(0);
  stampDots(pixels, width, height, xs, ys, state.order, inksNow(), radiusOf(panel));
  context.putImageData(panel.image, 0, 0);
  if (state.density) { context.globalCompositeOperation = "destination-over"; drawDensity(context, width, height, xs, ys, state.mask, [217, 119, 6]); context.globalCompositeOperation = "source-over"; }
  drawFaces(panel, context);
}
function drawNow(panel) {
  const { canvas, width, height, scale, xs, ys } = panel;
  if (!width) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), style = getComputedStyle(element);
  const ink = style.getPropertyValue("--body-text-color") || "#222", paper = style.getPropertyValue("--background-fill-primary") || "#fff";
  layOut(panel);
  const now = `${panel.laid} ${state.drawn}`;
  if (panel.drawn !== now) drawGround(panel);
  panel.drawn = now;
  context.globalCompositeOperation = "copy";
  context.drawImage(panel.base, 0, 0);
  context.globalCompositeOperation = "source-over";
  drawKin(panel, context, ink);
  for (const [i, dash] of [[state.chosen, []], [state.hovered, [4, 3]]]) if (i !== null) ring(context, xs[i], ys[i], radiusOf(panel) + 5 * scale, ink, scale, dash);
  for (const star of props.value?.stars ?? []) drawStar(panel, context, star, ink, paper);
  if (panel.lasso) { context.beginPath(); panel.lasso.forEach(([x, y]) => context.lineTo(x, y)); context.closePath(); context.fillStyle = "rgba(37, 99, 235, 0.14)"; context.fill(); context.strokeStyle = ink; context.lineWidth = 1.5 * scale; context.stroke(); }
}
function ring(context, x, y, radius, ink, scale, dash) {
  context.beginPath();
  context.setLineDash(dash.map((length) => length * scale));
  context.arc(x, y, radius, 0, 7);
  context.lineWidth = 2.5 * scale;
  context.strokeStyle = ink;
  context.stroke();
  context.setLineDash([]);
}
function drawKin(panel, context, ink) { // lines to the same person's pictures
  const focus = state.hovered ?? state.chosen;
  if (focus === null) return;
  context.globalAlpha = 0.4;
  context.strokeStyle = ink;
  context.lineWidth = panel.scale;
  context.beginPath();
  for (const i of state.kin(focus)) { context.moveTo(panel.xs[focus], panel.ys[focus]); context.lineTo(panel.xs[i], panel.ys[i]); }
  context.stroke();
  context.globalAlpha = 1;
}
function drawFaces(panel, context) { // near enough, dots are faces
  const { xs, ys, width, height, scale } = panel, side = FACE * scale, seen = [];
  if (panel.view.zoom < 1.2 && count > FACES) return;
  for (const i of state.order) if (state.shows(i) && xs[i] > -side && ys[i] > -side && xs[i] < width + side && ys[i] < height + side && seen.push(i) > FACES) return;
  for (const i of seen) {
    const { file, side: size, x, y } = spriteOf("thumb", i), image = sheetImage(file);
    if (image.complete && image.naturalWidth) context.drawImage(image, x, y, size, size, xs[i] - side / 2, ys[i] - side / 2, side, side);
  }
}
const pictures = new Map();
function drawStar(panel, context, star, ink, paper) {
  const at = star.places?.[state.method]?.[panel.which.value];
  if (!at) return;
  const { scale } = panel, [x, y] = spot(panel, ...at), side = (star.small ? 26 : 38) * scale;
  if (!pictures.has(star.thumbnail)) { const image = new Image(); image.onload = drawAll; image.src = star.thumbnail; pictures.set(star.thumbnail, image); }
  const image = pictures.get(star.thumbnail);
  context.save();
  context.beginPath();
  context.arc(x, y, side / 2, 0, 7);
  context.lineWidth = 7 * scale;
  context.strokeStyle = paper;
  context.stroke();
  context.lineWidth = 3.5 * scale;
  context.strokeStyle = "#d97706";
  context.stroke();
  context.clip();
  if (image.complete && image.naturalWidth) context.drawImage(image, x - side / 2, y - side / 2, side, side);
  context.restore();
  context.font = `600 ${12 * scale}px system-ui, sans-serif`;
  context.lineWidth = 4 * scale;
  context.strokeStyle = paper;
  context.fillStyle = ink;
  const words = "★ " + (window.pageLanguage?.say(star.name) ?? star.name), wide = context.measureText(words).width, right = x + side / 2 + 4 * scale;
  const left = right + wide > panel.width ? x - side / 2 - 4 * scale - wide : right;
  context.strokeText(words, left, y + 4 * scale);
  context.fillText(words, left, y + 4 * scale);
}
