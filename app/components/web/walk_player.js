// Plays props.value = {title, captions, map, map_name, lanes: [{name, frames, strips, path}]}; nothing is asked of the server.
const find = (selector) => element.querySelector(selector);
const lanes = find(".lanes"), slider = find("input"), play = find(".play"), film = find(".film"), chart = find(".place canvas");
const INKS = ["#e4572e", "#2a7fff"]; // the ways of the first and the second face
let timer = null;

// blue below zero, orange above, paler near zero: told apart by everyone
function heat(value) {
  const share = Math.min(1, Math.abs(value) / 2.5), [r, g, b] = value < 0 ? [33, 102, 172] : [217, 95, 2];
  return [r, g, b].map((channel) => Math.round(245 + share * (channel - 245)));
}

function strip(canvas, rows, step) { // the code before this step, above all of its past
  const context = canvas.getContext("2d"), width = rows[0].length;
  const now = 6, past = rows.length;
  canvas.width = width;
  canvas.height = now + 1 + past;
  const image = context.createImageData(canvas.width, canvas.height);
  const put = (x, y, [r, g, b], alpha) => image.data.set([r, g, b, alpha], 4 * (y * width + x));
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < now; y++) put(x, y, heat(rows[step][x]), 255);
    for (let y = 0; y < past; y++) put(x, now + 1 + y, heat(rows[y][x]), y === step ? 255 : y < step ? 170 : 30);
  }
  context.putImageData(image, 0, 0);
}

function map(step) {
  const { map: name, lanes: walks } = props.value, dots = props.maps[name];
  find(".place").hidden = !dots;
  if (!dots) return;
  const width = chart.clientWidth, height = chart.clientHeight, scale = window.devicePixelRatio || 1, edge = 14;
  if (!width) return;
  chart.width = width * scale;
  chart.height = height * scale;
  const context = chart.getContext("2d"), ink = getComputedStyle(element).getPropertyValue("--body-text-color") || "#222";
  context.scale(scale, scale);
  const spot = ([x, y]) => [edge + x * (width - 2 * edge), height - edge - y * (height - 2 * edge)];
  dots.forEach((dot, i) => {
    context.globalAlpha = 0.45;
    context.fillStyle = `hsl(${(props.people[i] * 137.508) % 360} 35% 55%)`;
    context.beginPath();
    context.arc(...spot(dot), 2.6, 0, 7);
    context.fill();
  });
  walks.forEach(({ path }, lane) => {
    context.globalAlpha = 0.9;
    context.strokeStyle = INKS[lane % 2];
    context.lineWidth = 2;
    context.beginPath();
    path.slice(0, step + 1).forEach((at) => context.lineTo(...spot(at)));
    context.stroke();
    context.globalAlpha = 1;
    context.fillStyle = INKS[lane % 2];
    context.beginPath();
    context.arc(...spot(path[step]), 8, 0, 7);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = ink;
    context.stroke();
  });
  const words = `Where the ${props.value.map_name} has ${walks.length > 1 ? "them" : "it"} at this step`;
  find(".place figcaption").textContent = words;
  chart.setAttribute("aria-label", words);
}

function show(step) {
  const { captions, lanes: walks } = props.value;
  slider.value = step;
  slider.setAttribute("aria-valuetext", captions[step]);
  find(".caption").textContent = captions[step];
  walks.forEach((walk, i) => {
    const figure = lanes.children[i], image = figure.querySelector("img"), canvas = figure.querySelector("canvas");
    image.src = walk.frames[step];
    image.alt = `${walk.name}, ${captions[step]}`;
    if (canvas) strip(canvas, walk.strips, step);
  });
  [...film.children].forEach((image, i) => image.classList.toggle("on", i === step));
  map(step);
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = "Play";
}

function start() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (Number(slider.value) >= Number(slider.max)) show(0);
  play.textContent = "Pause";
  timer = setInterval(() => {
    const next = Number(slider.value) + 1;
    if (next > Number(slider.max)) return stop();
    show(next);
  }, calm ? 1200 : 350);
}

function lane({ name, strips }) {
  const figure = document.createElement("figure"), caption = document.createElement("figcaption");
  figure.className = "lane";
  caption.textContent = name;
  figure.append(new Image(), caption);
  if (strips.length) {
    const canvas = document.createElement("canvas"), words = document.createElement("small");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${strips[0].length} numbers of the noisy code`);
    words.textContent = `The noisy code, ${strips[0].length} numbers: now (top) and step by step. Blue is below 0, orange above.`;
    figure.append(canvas, words);
  }
  return figure;
}

function load() {
  stop();
  const { title, lanes: walks } = props.value;
  find("h3").textContent = title;
  lanes.replaceChildren(...walks.map(lane));
  slider.max = walks[0].frames.length - 1;
  film.replaceChildren(...walks[0].frames.map((address, i) => {
    const image = document.createElement("img");
    image.src = address;
    image.alt = "";
    image.addEventListener("click", () => { stop(); show(i); });
    return image;
  }));
  show(walks[0].frames.length - 1);
}

// what can be taken along (see export.js): the place on the map at every step, and the noisy code as a heat map a face
find("[data-taken]").taken = () => {
  const { captions, lanes: walks, map: name, map_name: title } = props.value, dots = props.maps[name], style = getComputedStyle(element);
  const strips = walks.filter(({ strips: rows }) => rows.length), parts = (dots ? 1 : 0) + strips.length;
  const layout = { width: 720, height: 60 + (dots ? 420 : 0) + 200 * strips.length, font: { color: style.getPropertyValue("--body-text-color").trim(), family: style.fontFamily }, title: { text: props.value.title }, margin: { l: 160, r: 90, t: 76, b: 40 }, legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom" }, grid: { rows: parts, columns: 1, pattern: "independent" } };
  const axes = (n) => ({ xaxis: `x${n ? n + 1 : ""}`, yaxis: `y${n ? n + 1 : ""}` });
  const cloud = dots ? [{ ...axes(0), type: "scatter", mode: "markers", name: title, x: dots.map(([x]) => x), y: dots.map(([, y]) => y), marker: { color: "#999", size: 3, opacity: 0.5 } }] : [];
  const ways = dots ? walks.map((walk, i) => ({ ...axes(0), type: "scatter", mode: "lines+markers", name: walk.name, x: walk.path.map(([x]) => x), y: walk.path.map(([, y]) => y), text: captions, line: { color: INKS[i % 2] } })) : [];
  const codes = strips.map((walk, i) => ({ ...axes(i + cloud.length), type: "heatmap", name: `${walk.name}: the noisy code`, z: walk.strips, y: captions.slice(0, walk.strips.length), zmin: -2.5, zmax: 2.5, colorscale: [[0, "#2166ac"], [0.5, "#f5f5f5"], [1, "#d95f02"]], showscale: i === 0, colorbar: { len: 1 / parts, y: 0, yanchor: "bottom", x: 1.01 } }));
  if (dots) layout.xaxis = layout.yaxis = { zeroline: false };
  strips.forEach((walk, i) => (layout[`yaxis${i + cloud.length ? i + cloud.length + 1 : ""}`] = { autorange: "reversed" }));
  const rows = [["face", "step", "x on the map", "y on the map", ...(strips[0]?.strips[0] ?? []).map((_, k) => `noisy code ${k}`)]];
  for (const walk of walks) captions.forEach((caption, step) => rows.push([walk.name, caption, ...(walk.path[step] ?? ["", ""]), ...(walk.strips[step] ?? [])]));
  return { rows, data: [...cloud, ...ways, ...codes], layout };
};
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
play.addEventListener("click", () => (timer ? stop() : start()));
watch("value", load);
new ResizeObserver(() => map(Number(slider.value))).observe(chart);
load();
