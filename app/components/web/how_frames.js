// Pictures of a movement to play, to scrub and to drag; what stands by; a mark; rows of numbers that follow.
// data = {frames: [{src, label}], name, beside: [{src, label}], mark: [u, v], strips: [{label, rows, wide}], start, pause, crisp}
function framesPart(box, data) {
  const { frames, beside } = data, last = frames.length - 1, start = data.start ?? last;
  const under = pane(frames[start], data.crisp ? "main crisp" : "main"), over = make("img", { alt: "", draggable: false, className: "over" });
  under.box.append(over);
  if (data.mark) dot(under.box)(data.mark);
  const strips = (data.strips ?? []).map(({ label, rows, wide = 64 }) => {
    const canvas = make("canvas", { className: "numbers" });
    canvas.setAttribute("role", "img");
    const caption = `${label}: blue below zero, orange above`;
    canvas.setAttribute("aria-label", caption);
    return { canvas, rows, wide, row: make("figure", { className: "strip-row" }, canvas, make("figcaption", { textContent: caption })) };
  });
  let at = -1;
  const show = (place) => {
    const low = Math.floor(place), near = Math.round(place), share = place - low;
    if (under.image.dataset.at !== `${low}`) { under.image.src = frames[low].src; under.image.dataset.at = low; }
    if (share && over.dataset.at !== `${low + 1}`) { over.src = frames[low + 1].src; over.dataset.at = low + 1; }
    over.style.opacity = share;
    if (near === at) return;
    at = near;
    under.image.alt = under.figure.querySelector("figcaption").textContent = frames[near].label;
    dial.input.value = near;
    dial.input.setAttribute("aria-valuetext", frames[near].label);
    for (const { canvas, rows, wide } of strips) paintNumbers(canvas, rows[near], wide, twoSided);
  };
  const hold = data.pause || frames.length < 4;
  const there = (share) => { // there, back, and to the end again; with pauses, a picture at a time
    const way = share * 3, leg = Math.min(2, Math.floor(way)), along = leg === 1 ? 1 - (way - leg) : way - leg;
    const place = hold ? Math.floor(along * last) + ease((along * last - Math.floor(along * last)) * 3 - 1) : ease(along) * last;
    return share < 1 ? clamp(place, 0, last) : start;
  };
  const play = motion(hold ? 3.2 * last + 2 : 8, (share) => show(there(share)));
  const dial = slider(data.name, 0, Math.max(last, 1), 1, start, (value) => { play.stop(); show(Math.min(value, last)); });
  let from = null; // dragging along the picture goes through it
  under.box.addEventListener("pointerdown", (event) => { from = [event.clientX, at]; under.box.setPointerCapture(event.pointerId); });
  under.box.addEventListener("pointermove", (event) => {
    if (!from) return;
    play.stop();
    show(clamp(from[1] + ((event.clientX - from[0]) / under.box.clientWidth) * last * 1.2, 0, last));
  });
  for (const type of ["pointerup", "pointercancel"]) under.box.addEventListener(type, () => { if (from) show(at); from = null; });
  box.append(make("div", { className: "panes" }, ...beside.map((one) => pane(one, "aside").figure), under.figure), ...strips.map(({ row }) => row));
  if (last > 0) box.append(make("div", { className: "bar" }, play.button, dial.row));
  show(start);
  if (last > 0) play.first();
  return { stop: play.stop };
}
