// The camera's pictures go to the server one by one; the next goes once the last is answered. props.value = {own} lists the
// visitor's faces, or answers a picture: {turn, picture, faces, rested}, {turn, wait} or {turn, error}.
const find = (selector) => element.querySelector(selector);
const video = find("video"), image = find(".result img"), said = find(".said"), pane = find(".result"), pace = find(".pace");
const WIDE = 480, QUALITY = 0.8; // of a picture that is sent: pixels across, and JPEG's
const SHORTEST = 50, LONGEST = 4000, RETRY = 2000; // milliseconds between pictures, before an answer counts as lost, before asking for a turn again
const WHAT = { me: "You, rebuilt", rest: "You, without expression", other: "Somebody else with your movements" };
const clamp = (value, most) => Math.min(Math.max(value, -most), most);
const canvas = document.createElement("canvas"), wish = { show: "me", turn: [0, 0], light: null, who: 1 };
let running = false, began = 0, sent = 0, number = 0, overdue = null, again = false, own = [];
const rounds = []; // when the last answers came, and how long they took

function grab() {
  const scale = Math.min(1, WIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", QUALITY);
}

function next() {
  clearTimeout(overdue);
  if (!running) return;
  if (performance.now() - began > 1000 * props.limit) return stop("Three minutes are over. Start again to go on.");
  if (document.hidden || video.readyState < 2) return void (overdue = setTimeout(next, 200)); // a hidden page waits
  sent = performance.now();
  trigger("input", { ...wish, frame: grab(), second: sent / 1000, number: ++number, again });
  again = false;
  overdue = setTimeout(next, LONGEST);
}

function answer({ turn, picture, faces, rested, wait, error }) {
  if (!running || turn !== number) return;
  clearTimeout(overdue);
  const now = performance.now();
  if (wait || error) {
    say(wait ? `Others are before the mirror: your turn comes in ${wait} s at the latest.` : `${error[0].toUpperCase()}${error.slice(1)}.`);
    return void (overdue = setTimeout(next, RETRY));
  }
  pane.classList.toggle("lost", !picture);
  if (picture) image.src = picture;
  image.alt = WHAT[wish.show];
  say(!picture ? "No face is seen: look at the camera." : rested < 1 ? `Rest your face … ${Math.round(100 * rested)} %` : faces > 1 ? `${faces} faces: the mirror follows one.` : "");
  rounds.push([now, now - sent]);
  while (rounds.length > 1 && now - rounds[0][0] > 3000) rounds.shift();
  if (rounds.length > 5) {
    const each = rounds.map(([, took]) => took).sort((a, b) => a - b)[rounds.length >> 1];
    pace.textContent = `${((1000 * (rounds.length - 1)) / (now - rounds[0][0])).toFixed(0)} pictures a second, each ${Math.round(each)} ms after the camera.`;
  }
  overdue = setTimeout(next, Math.max(0, SHORTEST - (now - sent)));
}

let saying = ""; // what the page shows may be in another language
const say = (words) => { if (saying !== words) said.textContent = saying = words; };

async function start() {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: 640, height: 480, frameRate: 30 } });
  } catch (problem) {
    return say(problem.name === "NotFoundError" ? "There is no camera here." : "The camera was refused: allow it in the browser's address bar.");
  }
  for (const track of video.srcObject.getTracks()) track.addEventListener("ended", () => stop("The camera was taken away."));
  running = again = true;
  began = performance.now();
  rounds.length = 0;
  show();
  say("");
  next();
}

function stop(words = "") {
  if (!running) return;
  running = false;
  clearTimeout(overdue);
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  pace.textContent = "";
  trigger("stop");
  say(words);
  show();
}

function show() {
  find(".start").textContent = running ? "Stop the camera" : "Start the camera";
  find(".off").hidden = running;
  video.classList.toggle("idle", !running);
  find(".again").hidden = !running;
  find(".home").hidden = wish.turn.every((angle) => angle === 0);
  find(".what").textContent = WHAT[wish.show];
  find(".wearers").hidden = wish.show !== "other";
  pane.setAttribute("aria-label", `${WHAT[wish.show]}. Drag, or use the arrow keys, to turn it.`);
  for (const button of find(".shows").children) {
    button.setAttribute("aria-checked", button.dataset.show === wish.show);
    button.tabIndex = button.dataset.show === wish.show ? 0 : -1;
  }
  const faces = [...own.map((face, at) => ({ ...face, who: -1 - at })), ...props.examples.map((face, who) => ({ ...face, who }))];
  if (!faces.some(({ who }) => who === wish.who)) wish.who = 1;
  find(".wearers").replaceChildren(...faces.map(({ src, alt, who }) => {
    const button = Object.assign(document.createElement("button"), { type: "button", title: alt, tabIndex: who === wish.who ? 0 : -1 });
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", who === wish.who);
    button.append(Object.assign(new Image(), { src, alt }));
    button.addEventListener("click", () => { wish.who = who; show(); find('.wearers [aria-checked="true"]').focus(); });
    return button;
  }));
}

for (const group of [".shows", ".wearers"]) { // one tab stop a group; the arrows choose
  find(group).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], all = [...find(group).children];
    if (!step) return;
    event.preventDefault();
    const at = (all.indexOf(document.activeElement) + step + all.length) % all.length;
    all[at].click();
    find(group).children[at].focus();
  });
}
for (const button of find(".shows").children) button.addEventListener("click", () => { wish.show = button.dataset.show; show(); });

function turn(yaw, pitch) {
  wish.turn = [clamp(wish.turn[0] + yaw, props.most[0]), clamp(wish.turn[1] + pitch, props.most[1])];
  find(".home").hidden = wish.turn.every((angle) => angle === 0);
}
pane.addEventListener("pointerdown", (event) => pane.setPointerCapture(event.pointerId));
pane.addEventListener("pointermove", (event) => { // mirrored: to the right on the page is to the left in the picture
  if (pane.hasPointerCapture(event.pointerId)) turn((-130 * event.movementX) / pane.clientWidth, (-130 * event.movementY) / pane.clientWidth);
});
pane.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [4, 0], ArrowRight: [-4, 0], ArrowUp: [0, 4], ArrowDown: [0, -4] }[event.key];
  if (!step) return;
  event.preventDefault();
  turn(...step);
});
find(".home").addEventListener("click", () => { wish.turn = [0, 0]; show(); });
find(".light").addEventListener("change", ({ target }) => {
  const [x, y] = target.value.split(",").map(Number);
  wish.light = target.value ? [-x, y] : null; // mirrored
});
find(".again").addEventListener("click", () => { again = true; });
find(".start").addEventListener("click", () => (running ? stop() : start()));
document.addEventListener("visibilitychange", () => { if (running && document.hidden) say("Paused while this page is hidden."); });
show();
watch("value", () => {
  if (props.value.own) {
    own = props.value.own;
    return show();
  }
  answer(props.value);
});
