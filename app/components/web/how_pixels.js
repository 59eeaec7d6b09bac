// The loss at every pixel: photo, picture, expected error, loss; a crosshair reads the formula's numbers off.
// data = {photo, side, parts: [{label, src, error, sigma, mask}] plain and mirrored, start: [x, y] in [0, 1]}
function pixelsPart(box, data) {
  const { side, parts } = data, panes = [pane(data.photo, "quarter"), pane(parts[0], "quarter")], maps = ["Expected error σ: bright is large", "Loss: bright is large"].map((label) => {
    const canvas = make("canvas", { className: "numbers" }), frame = make("div", { className: "frame" }, canvas);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return { canvas, box: frame, figure: make("figure", { className: "pane quarter" }, frame, make("figcaption", { textContent: label })) };
  });
  const all = [...panes, ...maps], marks = all.map((one) => dot(one.box)), readout = make("p", { className: "readout" });
  let which = 0, at = data.start.map((one) => 2 * one - 1);
  const cost = (error, sigma) => (Math.SQRT2 * error) / sigma + Math.log(sigma);
  const read = (place) => {
    at = place;
    marks.forEach((mark) => mark(at));
    const [column, row] = at.map((one) => Math.round(((one + 1) / 2) * (side - 1))), i = row * side + column, { error, sigma, mask } = parts[which];
    readout.textContent = mask[i] ? `At this pixel: √2 · ${error[i].toFixed(2)} / ${sigma[i].toFixed(2)} + log ${sigma[i].toFixed(2)} = ${cost(error[i], sigma[i]).toFixed(2)}` : "Nothing is drawn here: this pixel does not count.";
  };
  const show = (next) => {
    which = next;
    const { label, src, error, sigma, mask } = parts[which];
    panes[1].image.src = src;
    panes[1].image.alt = panes[1].figure.querySelector("figcaption").textContent = label;
    panes[1].box.classList.toggle("flipped", which === 1);
    const top = Math.max(...parts[0].sigma), low = Math.log(Math.min(...parts[0].sigma)) ;
    paintNumbers(maps[0].canvas, sigma, side, (value) => heatOf(value / top));
    paintNumbers(maps[1].canvas, error.map((e, i) => (mask[i] ? cost(e, sigma[i]) : low)), side, (value) => heatOf((value - low) / 4));
    for (const input of choices.querySelectorAll("input")) input.checked = Number(input.value) === which;
    read(at);
  };
  const choices = make("div", { className: "choice" });
  choices.setAttribute("role", "radiogroup");
  choices.setAttribute("aria-label", "Which reconstruction");
  parts.forEach(({ label }, i) => {
    const input = make("input", { type: "radio", name: "how-part", value: i });
    input.addEventListener("change", () => { play.stop(); show(i); });
    choices.append(make("label", {}, input, make("span", { textContent: label })));
  });
  const play = motion(10, (share, seconds) => {
    const next = seconds > 5 && share < 1 ? 1 : 0;
    if (next !== which) show(next);
    read(share < 1 ? [0.6 * Math.sin(seconds), 0.6 * Math.sin(0.7 * seconds)] : data.start.map((one) => 2 * one - 1));
  });
  for (const one of all) pointed(one.box, (place) => { play.stop(); read(place); });
  keyed(panes[0].box, "A pixel of the photo: arrow keys move it", () => at, (place) => { play.stop(); read(place); });
  box.append(make("div", { className: "panes" }, ...all.map((one) => one.figure)), readout, make("div", { className: "bar" }, play.button, choices));
  show(0);
  play.first();
  return { stop: play.stop };
}
