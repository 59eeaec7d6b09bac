// Draws where a clip's frames fall among the gallery's dots. props.value = {seconds, places: {map: [[x, y] | null]}}, or null;
// props.dots = {map: [[x, y]]} in [0, 1]; the player's event "moment" moves the mark.
const place = element.querySelector(".trails");
const PAD = 0.04, TRAIL = 25; // air round the map; frames of the trail that stay bright
let maps = [], now = 0;

function build() {
  const value = props.value;
  place.hidden = !value;
  if (!value) return;
  maps = Object.entries(props.words).map(([name, [title, words]]) => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption"), bold = document.createElement("b");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${title}: ${words}`);
    bold.textContent = title;
    caption.append(bold, words);
    figure.append(canvas, caption);
    return { name, canvas, figure };
  });
  place.replaceChildren(...maps.map(({ figure }) => figure));
  draw();
}

function draw() {
  if (!props.value || !place.clientWidth) return;
  const { seconds, places } = props.value, style = getComputedStyle(place);
  const [grey, accent, ink] = ["--body-text-color-subdued", "--color-accent", "--body-text-color"].map((name) => style.getPropertyValue(name));
  let row = seconds.findIndex((second) => second >= now - 1e-3);
  if (row < 0) row = seconds.length - 1;
  for (const { name, canvas } of maps) {
    const side = Math.round(canvas.clientWidth * devicePixelRatio), pen = canvas.getContext("2d");
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const at = ([x, y]) => [(PAD + (1 - 2 * PAD) * x) * side, (1 - PAD - (1 - 2 * PAD) * y) * side];
    pen.clearRect(0, 0, side, side);
    pen.fillStyle = grey;
    pen.globalAlpha = 0.35;
    for (const dot of props.dots[name]) pen.fillRect(...at(dot).map((one) => one - devicePixelRatio), 2 * devicePixelRatio, 2 * devicePixelRatio);
    pen.lineJoin = "round";
    pen.strokeStyle = accent;
    for (const [from, to, alpha, width] of [[0, seconds.length, 0.35, 1], [Math.max(0, row - TRAIL), row + 1, 1, 2.5]]) {
      pen.globalAlpha = alpha;
      pen.lineWidth = width * devicePixelRatio;
      pen.beginPath();
      let down = false;
      for (const one of places[name].slice(from, to)) {
        if (one) pen[down ? "lineTo" : "moveTo"](...at(one));
        down = Boolean(one);
      }
      pen.stroke();
    }
    const here = places[name][row];
    canvas.dataset.at = here ? here.join(" ") : "";
    if (!here) continue;
    pen.globalAlpha = 1;
    pen.fillStyle = accent;
    pen.strokeStyle = ink;
    pen.lineWidth = 2 * devicePixelRatio;
    pen.beginPath();
    pen.arc(...at(here), 6 * devicePixelRatio, 0, 7);
    pen.fill();
    pen.stroke();
  }
}

document.addEventListener("moment", ({ detail }) => {
  if (!element.isConnected || detail.curves !== props.curves) return;
  now = detail.second;
  draw();
});
new ResizeObserver(draw).observe(place);
watch("value", build);
build();
