// Faces to choose from, twice: props.value = [{name, picture}]; Draw is submit {down, across}, places in that list.
const SIDES = ["down", "across"];
const draw = element.querySelector(".draw");
const chosen = {}; // side -> names and pictures of those chosen, in the order of the choice
let start = true;

const key = ({ name, picture }) => `${name}\n${picture}`;

function show() {
  const faces = props.value || [];
  for (const side of SIDES) {
    if (start) chosen[side] = props.first[side].flatMap((name) => faces.filter((face) => face.name === name).map(key));
    const present = new Set(faces.map(key));
    chosen[side] = chosen[side].filter((one) => present.has(one));
    element.querySelector(`.${side} .faces`).replaceChildren(...faces.map((face) => toggle(side, face)));
  }
  start = false;
  ready();
}

function toggle(side, face) {
  const button = document.createElement("button"), image = new Image();
  button.type = "button";
  button.title = face.name;
  button.setAttribute("aria-label", face.name);
  image.src = face.picture;
  image.alt = "";
  button.append(image);
  const mark = () => button.setAttribute("aria-pressed", chosen[side].includes(key(face)));
  button.addEventListener("click", () => {
    const at = chosen[side].indexOf(key(face));
    if (at >= 0) chosen[side].splice(at, 1);
    else if (chosen[side].length < props.most) chosen[side].push(key(face));
    mark();
    ready();
  });
  mark();
  return button;
}

function ready() {
  const [down, across] = SIDES.map((side) => chosen[side].length);
  draw.disabled = !down || !across;
  draw.textContent = draw.disabled ? "Choose faces down and across" : `Draw the grid: ${down} × ${across}`;
}

draw.addEventListener("click", () => {
  const order = (props.value || []).map(key);
  const [down, across] = SIDES.map((side) => chosen[side].map((one) => order.indexOf(one)));
  trigger("submit", { down, across });
});
watch("value", show);
show();
