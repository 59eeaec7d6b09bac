// Plays props.value = {films, panels: [[name, words]], driven: null | {film, name}, notes, files: [[name, address]]}: one video holds all films side by side, so they cannot part.
// The moment is shown on the charts of the panel whose id is props.curves, and a click there goes to it.
const find = (selector) => element.querySelector(selector);
const own = find(".own"), other = find(".other"), slider = find("input"), play = find(".play"), sound = find(".sound");
const screens = find(".screens"), time = find(".time");
const APART = 0.08; // seconds that the driven face's film may be off
let pens = [];

function screen(name, words, video, panel) {
  const figure = document.createElement("figure"), canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption"), bold = document.createElement("b");
  canvas.width = canvas.height = props.side;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}: ${words}`);
  canvas.addEventListener("click", toggle);
  bold.textContent = name;
  caption.append(bold, words);
  figure.append(canvas, caption);
  pens.push(() => {
    if (video.readyState > 1) canvas.getContext("2d").drawImage(video, panel * props.side, 0, props.side, props.side, 0, 0, props.side, props.side);
  });
  return figure;
}

function said(seconds) {
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

function show() {
  for (const pen of pens) pen();
  slider.value = own.currentTime;
  slider.setAttribute("aria-valuetext", said(own.currentTime));
  time.textContent = `${said(own.currentTime)} of ${said(own.duration || 0)}`;
  head();
}

function plot() {
  const found = document.querySelector(`#${props.curves} .plot`);
  return found && found._fullLayout ? found : null;
}

function head() { // a line over the charts, where the films are
  const chart = plot();
  if (!chart) return;
  let line = chart.querySelector(".moment");
  if (!line) {
    line = document.createElement("div");
    line.className = "moment";
    Object.assign(line.style, { position: "absolute", width: "2px", background: "var(--color-accent)", pointerEvents: "none", zIndex: 3 });
    chart.style.position = "relative";
    chart.append(line);
    chart.addEventListener("click", ({ clientX }) => go(at(chart, clientX)));
  }
  const { xaxis, _size: size } = chart._fullLayout;
  const x = xaxis._offset + xaxis.l2p(own.currentTime);
  Object.assign(line.style, { left: `${x - 1}px`, top: `${size.t}px`, height: `${size.h}px` });
  line.dataset.second = own.currentTime.toFixed(2);
  document.dispatchEvent(new CustomEvent("moment", { detail: { curves: props.curves, second: own.currentTime } }));
}

function at(chart, clientX) {
  const { xaxis } = chart._fullLayout;
  return xaxis.p2l(clientX - chart.getBoundingClientRect().left - xaxis._offset);
}

function go(second) {
  if (!Number.isFinite(second)) return;
  own.currentTime = Math.max(0, Math.min(second, own.duration || 0));
  follow();
}

function follow() { // the driven face's film is a file of its own
  if (other.src && Math.abs(other.currentTime - own.currentTime) > APART) other.currentTime = own.currentTime;
}

function toggle() {
  if (own.paused) own.play().then(() => other.src && other.play());
  else own.pause();
}

function tick() {
  follow();
  show();
  if (!own.paused) (own.requestVideoFrameCallback ? own.requestVideoFrameCallback(tick) : requestAnimationFrame(tick));
}

function load() {
  const value = props.value;
  element.firstElementChild.hidden = !value;
  if (!value) return;
  const { films, panels, driven, notes, files } = value, moment = own.getAttribute("src") === films ? own.currentTime : 0;
  pens = [];
  const all = panels.map(([name, words], panel) => screen(name, words, own, panel));
  if (driven) all.push(screen("Driven", driven.name, other, 0));
  screens.replaceChildren(...all);
  if (own.getAttribute("src") !== films) own.src = films;
  if (driven && other.getAttribute("src") !== driven.film) other.src = driven.film;
  if (!driven) other.removeAttribute("src");
  find(".notes").replaceChildren(...notes.map((words) => Object.assign(document.createElement("li"), { textContent: words })));
  find(".files").replaceChildren(...files.map(([name, address]) => {
    const link = Object.assign(document.createElement("a"), { href: address, textContent: name });
    link.download = "";
    return link;
  }));
  if (moment) go(moment);
  show();
}

own.muted = true;
sound.addEventListener("click", () => {
  own.muted = !own.muted;
  sound.textContent = own.muted ? "Sound off" : "Sound on";
  sound.setAttribute("aria-pressed", !own.muted);
});
play.addEventListener("click", toggle);
slider.addEventListener("input", () => { own.pause(); go(Number(slider.value)); });
own.addEventListener("loadedmetadata", () => { slider.max = own.duration; show(); });
own.addEventListener("play", () => { play.textContent = "Pause"; tick(); });
own.addEventListener("pause", () => { play.textContent = "Play"; other.pause(); show(); });
for (const video of [own, other]) {
  video.addEventListener("loadeddata", () => { if (video.paused && !video.currentTime) video.currentTime = 0.001; }); // or there is no picture to draw yet
  video.addEventListener("seeked", show);
}
own.addEventListener("seeked", follow);
new MutationObserver(head).observe(document.querySelector(`#${props.curves}`) || element, { childList: true, subtree: true, attributes: false });
watch("value", load);
load();
