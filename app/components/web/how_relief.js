// A face in 3D, drawn by stage_gl.js, to turn or to light; with several variants, a slider goes from one to the next.
// data = {variants: [{label, scene}], layer, hand: "turn" | "light", view, light, still, swing: "own", beside}
function reliefPart(box, data) {
  const { variants, hand, layer, view } = data, last = variants.length - 1;
  const canvas = make("canvas", {}), frame = make("div", { className: "frame solid" }, canvas), caption = make("figcaption");
  const figure = make("figure", { className: "pane main" }, frame, caption);
  box.append(make("div", { className: "panes" }, ...(data.beside ?? []).map((one) => pane(one, "aside").figure), figure));
  const painter = makePainter(canvas);
  if (!painter) {
    frame.replaceChildren(make("img", { src: data.still, alt: variants[last].label }));
    caption.textContent = `${variants[last].label} (this browser has no WebGL, so it does not turn)`;
    return { stop() {} };
  }
  const scenes = variants.map(({ scene }) => unpack(scene));
  const photoMap = painter.uploadPicture(null), netMap = painter.uploadPicture(null);
  let maps = painter.upload(scenes[last]), angles = view.slice(0, 3), light = data.light.slice(), waiting = false, gone = false;
  const draw = () => {
    waiting = false;
    if (gone) return;
    const side = Math.round(canvas.clientWidth * Math.min(devicePixelRatio, painter.finest));
    if (!side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    painter.draw([{ layer, maps, photoMap, netMap, from: 0, to: 1 }], { angles, light, ownLight: data.light, own: view, share: 1, zoom: 1.06 });
  };
  const redraw = () => { if (!waiting) requestAnimationFrame(draw); waiting = true; };
  const mixed = (place) => { // between two reliefs
    const low = Math.min(Math.floor(place), last - 1), share = place - low, one = scenes[low], two = scenes[low + 1];
    const depth = one.depth.map((value, i) => value + share * (two.depth[i] - value));
    painter.free(maps);
    maps = painter.upload({ ...one, depth, normals: normalsOf(depth, one.side, 1), softNormals: normalsOf(depth, one.side, one.softness) });
    caption.textContent = variants[Math.round(place)].label;
  };
  caption.textContent = variants[last].label;
  const dials = hand === "light"
    ? [slider("Light from left to right", -1, 1, 0.05, light[2], (value) => { play.stop(); light[2] = value; redraw(); }), slider("Light from above to below", -1, 1, 0.05, light[3], (value) => { play.stop(); light[3] = value; redraw(); })]
    : [slider("Turn left and right", -60, 60, 1, angles[0], (value) => { play.stop(); angles[0] = value; redraw(); }), slider("Turn up and down", -40, 40, 1, angles[1], (value) => { play.stop(); angles[1] = value; redraw(); })];
  const state = last ? slider("Shape", 0, last, 0.05, last, (value) => { play.stop(); mixed(value); redraw(); }) : null;
  const shown = () => { const now = hand === "light" ? light.slice(2) : angles; dials.forEach(({ input }, i) => { input.value = now[i]; }); };
  const play = motion(9, (share, seconds) => {
    if (share >= 1) [angles, light] = [view.slice(0, 3), data.light.slice()];
    else if (hand === "light") light = [...data.light.slice(0, 2), 0.9 * Math.cos(1.4 * seconds), 0.7 * Math.sin(1.4 * seconds)];
    else if (data.swing) angles = view.slice(0, 3).map((angle, i) => angle * (1 - ease(Math.sin(0.7 * seconds) ** 2)) + (i ? 0 : 30 * Math.sin(1.4 * seconds) * (1 - share)));
    else angles = [view[0] + 34 * Math.sin(1.4 * seconds), view[1] + 8 * Math.sin(0.7 * seconds), view[2]];
    if (state) { const place = last * ease(clamp(share * 1.3, 0, 1)); state.input.value = place; mixed(place); }
    shown();
    redraw();
  });
  let from = null;
  frame.addEventListener("pointerdown", (event) => { play.stop(); from = [event.clientX, event.clientY, ...angles]; frame.setPointerCapture(event.pointerId); });
  frame.addEventListener("pointermove", (event) => {
    if (!from) return;
    const dx = (event.clientX - from[0]) / frame.clientWidth, dy = (event.clientY - from[1]) / frame.clientWidth;
    if (hand === "light") {
      const { left, top, width } = frame.getBoundingClientRect();
      light = [...light.slice(0, 2), clamp(1 - (2 * (event.clientX - left)) / width, -1, 1), clamp(1 - (2 * (event.clientY - top)) / width, -1, 1)];
    } else angles = [clamp(from[2] + 120 * dx, -60, 60), clamp(from[3] - 90 * dy, -40, 40), angles[2]];
    shown();
    redraw();
  });
  for (const type of ["pointerup", "pointercancel"]) frame.addEventListener(type, () => { from = null; });
  const sized = new ResizeObserver(redraw);
  sized.observe(canvas);
  box.append(make("div", { className: "bar" }, play.button, ...(state ? [state.row] : []), ...dials.map(({ row }) => row)));
  redraw();
  play.first();
  return { stop() { gone = true; play.stop(); sized.disconnect(); canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext(); } };
}
