// Hands on a map: drag moves it, wheel and two fingers zoom, the lasso selects, keys do all of it.
const REACH = 18;
function nearest(panel, x, y, reach = REACH * panel.scale) {
  let best = null, least = reach;
  for (const i of state.order) {
    if (!state.shows(i)) continue;
    const distance = Math.hypot(panel.xs[i] - x, panel.ys[i] - y);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
function inside(polygon, x, y) { // even-odd rule
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
function likeThis(panel) {
  const focus = state.hovered ?? state.chosen ?? 0, { xs, ys } = panel;
  const far = (i) => Math.hypot(xs[i] - xs[focus], ys[i] - ys[focus]);
  layOut(panel);
  select([...state.order].filter((i) => state.shows(i)).sort((a, b) => far(a) - far(b)).slice(0, clamp(Number(find(".many").value) || 50, 2, 5000)), panel);
}
function step(panel, key) { // the nearest dot in the arrow's direction, those straight ahead first
  const from = state.hovered ?? state.chosen ?? 0, { xs, ys } = panel;
  const [ax, ay] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = null, least = Infinity;
  for (let i = 0; i < count; i++) {
    if (!state.shows(i)) continue;
    const dx = xs[i] - xs[from], dy = ys[i] - ys[from], ahead = dx * ax + dy * ay, aside = Math.abs(dx * ay) + Math.abs(dy * ax);
    if (ahead > 0.5 && ahead + 2 * aside < least) [best, least] = [i, ahead + 2 * aside];
  }
  if (best !== null) hover(panel, best);
}
function hands(panel) {
  const { canvas } = panel, fingers = new Map();
  let moved = 0, held = false;
  const at = (event) => { const box = canvas.getBoundingClientRect(); return [(event.clientX - box.left) * panel.scale, (event.clientY - box.top) * panel.scale]; };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    moved = 0;
    held = true;
    panel.lasso = fingers.size === 1 && (state.lassoing || event.shiftKey) ? [at(event)] : null;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), before = fingers.get(event.pointerId);
    if (!before) { if (event.pointerType !== "touch") { const i = nearest(panel, x, y); if (i !== state.hovered) hover(panel, i); } return; }
    moved += Math.hypot(x - before[0], y - before[1]);
    const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
    const wide = fingers.size === 2 && apart();
    fingers.set(event.pointerId, [x, y]);
    if (fingers.size === 2) { const [a, b] = [...fingers.values()]; panel.lasso = null; return zoomAt(panel, apart() / (wide || 1), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2); }
    if (panel.lasso) panel.lasso.push([x, y]);
    else { panel.view.x += x - before[0]; panel.view.y += y - before[1]; hideCard(); }
    draw(panel);
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = at(event), drawn = panel.lasso;
    fingers.delete(event.pointerId);
    if (!held) return;
    held = fingers.size > 0;
    panel.lasso = null;
    if (drawn && moved > 12) return select([...state.order].filter((i) => state.shows(i) && inside(drawn, panel.xs[i], panel.ys[i])), panel);
    if (moved <= 12) { const i = nearest(panel, x, y); if (i !== null) choose(panel, i); }
    draw(panel);
  });
  canvas.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); panel.lasso = null; draw(panel); });
  canvas.addEventListener("pointerleave", () => hover(panel, null));
  canvas.addEventListener("blur", () => hover(panel, null));
  canvas.addEventListener("wheel", (event) => { // the page scrolls on unless the map was touched first
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoomAt(panel, Math.exp(-event.deltaY / 400), ...at(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const { key } = event, pan = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[key];
    if (pan && event.shiftKey) { panel.view.x += pan[0]; panel.view.y += pan[1]; draw(panel); }
    else if (pan) step(panel, key);
    else if (key === "Enter" || key === " ") choose(panel, state.hovered ?? state.chosen ?? 0);
    else if (key === "+" || key === "=") zoomAt(panel, 1.4);
    else if (key === "-") zoomAt(panel, 1 / 1.4);
    else if (key === "0" || key === "Home") goHome(panel);
    else if (key === "l" || key === "L") likeThis(panel);
    else if (key === "Escape") { hover(panel, null); select([], panel); }
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => { state.panel = panel; });
}
