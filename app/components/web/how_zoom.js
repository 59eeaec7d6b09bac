// From the whole photo to the crop. data = {photo, around: [x, y, half] in shares of width, height, width, tilt, crop, box}
function zoomPart(box, data) {
  const [cx, cy, half] = data.around, image = make("img", { src: data.photo, alt: "The photo", draggable: false, className: "photo" });
  const square = make("i", { className: "square" }), found = make("i", { className: "found" }), crop = make("img", { src: data.crop, alt: "", className: "over" });
  const frame = make("div", { className: "frame zoom" }, image, found, square, crop), caption = make("figcaption");
  let share = 0;
  const place = () => {
    const width = image.naturalWidth, height = image.naturalHeight, side = frame.clientWidth;
    if (!width || !side) return;
    const t = ease(share), whole = side / Math.max(width, height), close = side / (2 * half * width), scale = whole * (close / whole) ** t;
    const x = width * (0.5 + t * (cx - 0.5)), y = height * (0.5 + t * (cy - 0.5)), turn = -data.tilt * t;
    const move = `translate(${side / 2}px, ${side / 2}px) rotate(${turn}deg) scale(${scale}) translate(${-x}px, ${-y}px)`;
    for (const one of [image, square, found]) one.style.transform = move;
    Object.assign(image.style, { width: `${width}px`, height: `${height}px` });
    const r = half * width;
    Object.assign(square.style, { left: `${cx * width - r}px`, top: `${cy * height - r}px`, width: `${2 * r}px`, height: `${2 * r}px`, borderWidth: `${2.5 / scale}px`, rotate: "" });
    square.style.transformOrigin = `${r - cx * width}px ${r - cy * height}px`;
    found.style.transformOrigin = `${-data.box[0] * width}px ${-data.box[1] * height}px`;
    square.style.transform = `${move} translate(${cx * width}px, ${cy * height}px) rotate(${data.tilt}deg) translate(${-cx * width}px, ${-cy * height}px)`;
    Object.assign(found.style, { left: `${data.box[0] * width}px`, top: `${data.box[1] * height}px`, width: `${(data.box[2] - data.box[0]) * width}px`, height: `${(data.box[3] - data.box[1]) * height}px`, borderWidth: `${1.5 / scale}px`, opacity: 1 - t });
    square.style.opacity = t < 1 ? 1 : 0;
    crop.style.opacity = share > 0.92 ? 1 : 0;
    caption.textContent = share < 0.1 ? "The photo, the face that was found, and the square around it" : share < 0.92 ? "Cut out, turned until the eyes are level" : "The crop, as small as the model sees it";
  };
  const show = (value) => { share = value; dial.input.value = value; place(); };
  const play = motion(7, (way) => show(clamp(way * 1.6 - 0.3, 0, 1)));
  const dial = slider("From photo to crop", 0, 1, 0.02, 0, (value) => { play.stop(); show(value); });
  image.addEventListener("load", place);
  const sized = new ResizeObserver(place);
  sized.observe(frame);
  box.append(make("div", { className: "panes" }, make("figure", { className: "pane main" }, frame, caption)), make("div", { className: "bar" }, play.button, dial.row));
  show(calm ? 1 : 0);
  play.first();
  return { stop() { play.stop(); sized.disconnect(); } };
}
