// A photo with its faces as buttons; props.value as photo_box.content makes it. Events: upload {file}, select {index} (a face), input {index} (an example), clear, stop.
const find = (selector) => element.querySelector(selector);
const box = find(".box"), frame = find(".frame"), photo = find(".photo"), marks = find(".marks"), file = find(".file");
const status = find(".status"), halt = find(".stop"), error = find(".error"), shot = find(".shot"), video = find("video"), clear = find(".clear");
const MEGABYTE = 2 ** 20, PHONE = 700; // pixels: a page narrower than this has its result below the photo
let asked = false; // whether this box has asked for what comes next
let clock = null, since = 0; // while a photo is being read

find(".label").textContent = props.label;
element.dataset.slot = props.slot;
file.accept = `image/*,${props.endings}`;

function draw() {
  const { name, picture, faces, chosen, own, example, error: words } = props.value;
  rest();
  photo.src = picture;
  photo.alt = `${props.label}: ${name}`;
  clear.hidden = !own;
  error.textContent = words ? `${words} You still see ${name}.` : "";
  const count = faces.length;
  status.textContent = words ? "" : count > 1 ? `${name}. ${count} faces found: click another on the photo.` : count ? `${name}. 1 face found.` : `${name}.`;
  marks.replaceChildren(...(count < 2 ? [] : faces).map(([left, top, right, bottom], index) => {
    const button = document.createElement("button"), label = document.createElement("span");
    button.type = "button";
    Object.assign(button.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`, minHeight: 0 });
    button.setAttribute("aria-pressed", index === chosen);
    button.setAttribute("aria-label", button.title = `Face ${index + 1} of ${count}`);
    label.textContent = index + 1;
    button.append(label);
    button.addEventListener("click", () => { wait(); trigger("select", { index }); });
    return button;
  }));
  const value = example === null || example === props.opening ? null : example + 1;
  document.dispatchEvent(new CustomEvent("linked", { detail: { key: props.slot, value } }));
}

document.addEventListener("restore", ({ detail: { values, done } }) => {
  const example = values.get(props.slot);
  if (example === null || !element.isConnected) return;
  done(props.slot);
  trigger("input", { index: Number(example) - 1 });
});

function wait() {
  asked = true;
  error.textContent = "";
  busy(true);
  since = Date.now();
  clearInterval(clock);
  clock = setInterval(count, 500);
  count();
}

function count() { // seconds, and the place in line that gradio's own badge knows
  const seconds = Math.round((Date.now() - since) / 1000), place = element.closest(".photo-box.block")?.querySelector("[data-testid=status-tracker]")?.textContent.match(/queue: (\d+)\/(\d+)/);
  status.textContent = ["Looking for faces", place && `place ${place[1]} of ${place[2]} in line`, seconds > 1 && `${seconds} s`].filter(Boolean).join(", ") + " …";
  halt.hidden = seconds < 2;
}

function busy(on) { // dims what is about to change
  box.classList.toggle("busy", on);
  element.closest("[role=tabpanel]")?.classList.toggle("waiting", on);
}

function rest() {
  clearInterval(clock);
  halt.hidden = true;
  busy(false);
}

function fail(words) {
  rest();
  status.textContent = "";
  error.textContent = `${words} You still see ${props.value.name}.`;
}

async function send(chosen) {
  if (!chosen) return;
  if (chosen.size > props.most) return fail(`This file can't be used: it has ${Math.round(chosen.size / MEGABYTE)} MB and the limit is ${props.most / MEGABYTE} MB.`);
  wait();
  try {
    const { path } = await upload(chosen);
    trigger("upload", { file: path });
  } catch {
    fail("The photo did not reach the server: try again.");
  }
}

async function paste() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((one) => one.startsWith("image/"));
      if (type) return send(new File([await item.getType(type)], "pasted", { type }));
    }
    fail("There is no picture to paste: copy one first.");
  } catch {
    fail("The browser keeps its clipboard closed: allow it, or press Ctrl + V here.");
  }
}

function stop() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

async function open() {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: 1280 } });
    shot.showModal();
  } catch (problem) {
    const none = problem.name === "NotFoundError";
    fail(none ? "There is no camera here: upload a photo." : "The camera was refused: allow it in the browser's address bar, or upload a photo.");
  }
}

function take() {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => send(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
  shot.close();
}

find(".upload").addEventListener("click", () => file.click());
find(".camera").addEventListener("click", open);
find(".paste").addEventListener("click", paste);
find(".take").addEventListener("click", take);
find(".cancel").addEventListener("click", () => shot.close());
shot.addEventListener("close", stop);
clear.addEventListener("click", () => trigger("clear"));
halt.addEventListener("click", () => { asked = false; trigger("stop"); draw(); });
file.addEventListener("change", () => { send(file.files[0]); file.value = ""; });
element.addEventListener("paste", (event) => send([...event.clipboardData.files].find((one) => one.type.startsWith("image/"))));
frame.addEventListener("dragover", (event) => { event.preventDefault(); frame.classList.add("over"); });
frame.addEventListener("dragleave", () => frame.classList.remove("over"));
frame.addEventListener("drop", (event) => { event.preventDefault(); frame.classList.remove("over"); send(event.dataTransfer.files[0]); });

find(".examples").replaceChildren(...props.examples.map(({ src, alt }, index) => {
  const button = document.createElement("button");
  button.type = "button";
  button.tabIndex = index ? -1 : 0; // one tab stop for all; the arrows move between them
  button.title = alt;
  button.append(Object.assign(new Image(), { src, alt }));
  button.addEventListener("click", () => { asked = true; trigger("input", { index }); });
  return button;
}));
find(".examples").addEventListener("keydown", (event) => {
  const all = [...find(".examples").children], step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
  for (const button of all) button.tabIndex = button === next ? 0 : -1;
  next.focus();
});
draw();
watch("value", () => {
  draw();
  if (asked && !props.value.error && innerWidth < PHONE) element.closest("[role=tabpanel]")?.querySelector(".stage-block, .results")?.scrollIntoView({ block: "start" }); // or a tap seems to do nothing
  asked = false;
});
