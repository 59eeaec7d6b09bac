// Shows props.value = {frames: [address...], captions: [text...]}; moving the slider asks nothing of the server.
const now = element.querySelector(".now");
const caption = element.querySelector(".caption");
const slider = element.querySelector("input");
const play = element.querySelector(".play");
const film = element.querySelector(".film");
let timer = null;

function show(step) {
  const { frames, captions } = props.value;
  slider.value = step;
  now.src = frames[step];
  now.alt = caption.textContent = captions[step];
  slider.setAttribute("aria-valuetext", captions[step]);
  [...film.children].forEach((image, i) => image.classList.toggle("on", i === step));
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = "Play";
}

function load() {
  stop();
  const { frames } = props.value;
  slider.max = frames.length - 1;
  film.replaceChildren(...frames.map((address, i) => {
    const image = document.createElement("img");
    image.src = address;
    image.alt = "";
    image.addEventListener("click", () => { stop(); show(i); });
    return image;
  }));
  show(frames.length - 1);
}

slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
play.addEventListener("click", () => {
  if (timer) return stop();
  show(0);
  play.textContent = "Pause";
  timer = setInterval(() => {
    const next = Number(slider.value) + 1;
    if (next > Number(slider.max)) return stop();
    show(next);
  }, 600);
});
watch("value", load);
load();
