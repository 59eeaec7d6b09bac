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

place.taken = () => { // what can be taken along (see export.js): where every frame falls on the maps
  if (!props.value) return null;
  const { seconds, places } = props.value, style = getComputedStyle(place), names = Object.keys(props.words);
  const layout = { width: 360 * names.length + 40, height: 430, showlegend: false, font: { color: style.getPropertyValue("--body-text-color").trim(), family: style.fontFamily }, margin: { l: 40, r: 20, t: 40, b: 30 }, grid: { rows: 1, columns: names.length, pattern: "independent" }, annotations: [] };
  const data = names.flatMap((name, n) => {
    const axes = { type: "scatter", xaxis: `x${n ? n + 1 : ""}`, yaxis: `y${n ? n + 1 : ""}` }, at = places[name].map((one) => one ?? [null, null]);
    layout[`xaxis${n ? n + 1 : ""}`] = layout[`yaxis${n ? n + 1 : ""}`] = { zeroline: false };
    layout.annotations.push({ text: props.words[name][0], x: (n + 0.5) / names.length, xref: "paper", y: 1.02, yref: "paper", yanchor: "bottom", showarrow: false });
    return [
      { ...axes, mode: "markers", name: `${name}: gallery`, x: props.dots[name].map(([x]) => x), y: props.dots[name].map(([, y]) => y), marker: { color: "#999", size: 2.5, opacity: 0.4 } },
      { ...axes, mode: "lines+markers", name: `${name}: the clip`, x: at.map(([x]) => x), y: at.map(([, y]) => y), text: seconds.map((second) => `${second} s`), marker: { size: 4, color: seconds, colorscale: "Viridis" }, line: { width: 1, color: "#999" } },
    ];
  });
  const rows = [["second", ...names.flatMap((name) => [`${name} x`, `${name} y`])], ...seconds.map((second, i) => [second, ...names.flatMap((name) => places[name][i] ?? ["", ""])])];
  return { rows, data, layout };
};
document.addEventListener("moment", ({ detail }) => {
  if (!element.isConnected || detail.curves !== props.curves) return;
  now = detail.second;
  draw();
});
new ResizeObserver(draw).observe(place);
watch("value", build);
build();
