// One picture over another, up to a line that is dragged. data = {left, right: {src, label}}
function wipePart(box, { left, right }) {
  const under = pane(right, "main"), over = make("img", { src: left.src, alt: left.label, className: "over", draggable: false }), line = make("i", { className: "line" });
  under.box.append(over, line);
  under.figure.querySelector("figcaption").textContent = `Left of the line: ${left.label.toLowerCase()}. Right: ${right.label.toLowerCase()}.`;
  const show = (share) => {
    over.style.clipPath = `inset(0 ${100 - 100 * share}% 0 0)`;
    line.style.left = `${100 * share}%`;
    dial.input.value = share;
  };
  const play = motion(7, (share, seconds) => show(share < 1 ? 0.5 - 0.45 * Math.sin(1.8 * seconds) : 0.5));
  const dial = slider("Where the line stands", 0, 1, 0.02, 0.5, (value) => { play.stop(); show(value); });
  pointed(under.box, ([u], event) => { if (event.pointerType === "touch" || event.buttons || event.type === "pointermove") { play.stop(); show((u + 1) / 2); } });
  box.append(make("div", { className: "panes" }, under.figure), make("div", { className: "bar" }, play.button, dial.row));
  show(0.5);
  play.first();
  return { stop: play.stop };
}
