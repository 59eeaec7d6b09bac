// A clip by upload, camera or the bundled example; props.value = {status, error, busy, number, stamp}. Events: upload {file, number}, input {number} (the example), stop {number}: all up to it.
const find = (selector) => element.querySelector(selector);
const box = find(".box"), file = find(".file"), status = find(".status"), error = find(".error"), halt = find(".stop");
const shot = find(".shot"), video = find("video"), take = find(".take"), clock = find(".clock");
const MEGABYTE = 2 ** 20;
let recorder = null, timer = null;
let number = 0, stopped = 0; // of the work that was asked for last, and of the last that was stopped

find(".seconds").textContent = `${props.seconds} seconds`;
find(".bytes").textContent = `${props.most / MEGABYTE} MB`;

function draw() {
  const { status: words, error: wrong, busy, number: whose } = props.value;
  if (whose && whose <= stopped) return;
  status.textContent = words;
  error.textContent = wrong;
  halt.hidden = !busy;
}

function wait(words) {
  error.textContent = "";
  status.textContent = words;
  halt.hidden = false;
}

function fail(words) {
  status.textContent = "";
  halt.hidden = true;
  error.textContent = words;
}

async function send(chosen) {
  if (!chosen) return;
  if (chosen.size > props.most) return fail(`This file can't be used: it has ${Math.round(chosen.size / MEGABYTE)} MB and the limit is ${props.most / MEGABYTE} MB.`);
  wait("Sending the clip …");
  const mine = ++number;
  try {
    const { path } = await upload(chosen);
    if (mine !== number || mine <= stopped) return;
    wait("In line …");
    trigger("upload", { file: path, number: mine });
  } catch {
    if (mine === number && mine > stopped) fail("The clip did not reach the server: try again.");
  }
}

function close() {
  clearInterval(timer);
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

async function open() {
  if (!window.MediaRecorder) return fail("This browser does not record: upload a clip.");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: 640, height: 480 } });
    take.textContent = "Start";
    clock.textContent = `Up to ${props.seconds} seconds, without sound. Smile, talk, turn your head.`;
    shot.showModal();
  } catch (problem) {
    const none = problem.name === "NotFoundError";
    fail(none ? "There is no camera here: upload a clip." : "The camera was refused: allow it in the browser's address bar, or upload a clip.");
  }
}

function record() {
  if (recorder) return recorder.stop();
  const parts = [], type = ["video/mp4", "video/webm"].find((one) => MediaRecorder.isTypeSupported(one)), began = Date.now();
  recorder = new MediaRecorder(video.srcObject, { mimeType: type });
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  recorder.addEventListener("stop", () => {
    const whole = recorder.kept;
    recorder = null;
    shot.close();
    if (whole) send(new File(parts, type === "video/mp4" ? "camera.mp4" : "camera.webm", { type }));
  });
  recorder.kept = true;
  recorder.start(500);
  take.textContent = "Stop";
  timer = setInterval(() => {
    const left = props.seconds - 0.5 - (Date.now() - began) / 1000;
    clock.textContent = `Recording, ${Math.max(0, Math.ceil(left))} s left.`;
    if (left <= 0 && recorder) recorder.stop();
  }, 200);
}

find(".upload").addEventListener("click", () => file.click());
find(".camera").addEventListener("click", open);
find(".example").addEventListener("click", () => { wait("Fetching the example …"); trigger("input", { number: ++number }); });
halt.addEventListener("click", () => {
  status.textContent = "Stopped.";
  halt.hidden = true;
  stopped = number;
  trigger("stop", { number });
});
take.addEventListener("click", record);
find(".cancel").addEventListener("click", () => {
  if (!recorder) return shot.close();
  recorder.kept = false;
  recorder.stop();
});
shot.addEventListener("close", close);
file.addEventListener("change", () => { send(file.files[0]); file.value = ""; });
element.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
element.addEventListener("dragleave", () => box.classList.remove("over"));
element.addEventListener("drop", (event) => { event.preventDefault(); box.classList.remove("over"); send(event.dataTransfer.files[0]); });
watch("value", draw);
draw();
