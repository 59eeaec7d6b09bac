// Scenes one after the other. props.value = {face: {id, name, src}} says whom they are about; with {scene, visual, story, terms,
// blocks, formulas} it answers select {index}. A scene is asked for when it is opened, the next one ahead, and kept for that face.
const PATIENCE = 30_000; // milliseconds after which an answer counts as lost
const DEPTHS = [["story", "Story"], ["blocks", "Blocks"], ["formulas", "Formulas"]];
const PARTS = { frames: framesPart, relief: reliefPart, probe: probePart, pixels: pixelsPart, zoom: zoomPart, cloud: cloudPart, matrix: matrixPart, quad: quadPart, wipe: wipePart };
const find = (selector) => element.querySelector(selector);
const { scenes } = props, kept = new Map();
let index = 0, depth = "story", face = {}, asked = null, overdue = null, part = null, drawn = null;

function ask() { // one question at a time: the open scene first, then the one after it
  const wanted = [index, index + 1].find((one) => one < scenes.length && !kept.has(one));
  if (asked !== null || wanted === undefined || !element.offsetParent) return;
  asked = wanted;
  overdue = setTimeout(() => { asked = null; ask(); }, PATIENCE);
  trigger("select", { index: wanted });
}

function take() {
  const { value } = props;
  if (value.face.id !== face.id) {
    face = value.face;
    kept.clear();
    drawn = null;
    find(".who img").src = face.src;
    find(".who span").textContent = `On this face: ${face.name}`;
  }
  if (value.scene !== undefined || value.missing) {
    clearTimeout(overdue);
    asked = null;
    if (!value.missing) kept.set(value.scene, value);
  }
  show();
  ask();
}

function show() {
  const content = kept.get(index), scene = scenes[index];
  find(".chapter").textContent = scene.chapter;
  find("h3").textContent = scene.title;
  find(".back").ariaDisabled = index === 0; // a button that is really disabled would lose the focus, and the keyboard with it
  find(".next").ariaDisabled = index === scenes.length - 1;
  for (const dot of element.querySelectorAll(".dots button")) dot.toggleAttribute("aria-current", Number(dot.dataset.index) === index);
  if (drawn === index && content) return;
  part?.stop();
  part = null;
  drawn = content ? index : null;
  const visual = find(".visual"), words = find(".words");
  visual.replaceChildren();
  visual.classList.toggle("waiting", !content);
  words.replaceChildren();
  if (!content) return;
  if (content.visual.kind) part = PARTS[content.visual.kind](visual, content.visual);
  else visual.append(make("p", { className: "lacks", textContent: "Nothing to see here with this model." }));
  write(words, content);
}

function write(words, { story, terms, blocks, formulas }) {
  words.replaceChildren(make("p", { className: "story", textContent: story }));
  if (depth === "story") {
    const list = make("dl", {});
    for (const [term, meaning] of Object.entries(terms)) list.append(make("dt", { textContent: term }), make("dd", { textContent: meaning }));
    if (list.children.length) words.append(list);
  }
  if (depth === "blocks") words.append(...(blocks.length ? [...blocks.map(blockRow), make("p", { className: "none", textContent: "Under each box: what goes from step to step, as channels × height × width, or how many numbers. A channel is one map of numbers, such as the red of a picture." })] : [make("p", { className: "none", textContent: "No network works here: this is plain arithmetic." })]));
  if (depth === "formulas") words.append(...formulas.map(formulaRow));
}

function blockRow({ name, role, parameters, shapes }) {
  const size = parameters > 1e6 ? `${(parameters / 1e6).toFixed(1)} million` : `${Math.round(parameters / 1e3)} thousand`;
  const title = make("p", {}, make("b", { textContent: name }), ` ${role}; ${size} trained numbers.`);
  const flow = make("ol", { className: "flow" });
  shapes.filter((shape, i) => shape.length < 3 || shape[1] > 1 || shapes[i + 1]?.length === 3).forEach((shape, i) => { // a map of one pixel is a row
    const wide = shape.length === 3 ? Math.max(...shape.slice(shape[2] === 2 ? 0 : 1)) : 1, deep = shape.length === 3 ? Math.min(...shape) : shape[0];
    const box = make("span", { className: shape.length === 3 ? "map" : "row" });
    box.style.setProperty("--side", `${10 + 7 * Math.log2(wide)}px`);
    box.style.setProperty("--deep", `${Math.round(Math.log2(deep + 1))}px`);
    box.style.setProperty("--long", `${12 + 6 * Math.log2(deep)}px`);
    box.style.setProperty("--late", `${0.12 * i}s`);
    flow.append(make("li", {}, box, make("small", { textContent: shape.join(" × ") })));
  });
  return make("div", { className: "block-row" }, title, flow);
}

function formulaRow({ words, symbols, numbers, source }) {
  const row = make("div", { className: "formula" }, make("p", { textContent: words }));
  for (const [kind, text] of [["symbols", symbols], ["numbers", numbers]]) {
    if (!text) continue;
    const line = make("div", { className: kind });
    line.innerHTML = text; // MathML of this server, made of templates and numbers
    row.append(line);
  }
  if (source) row.append(make("small", { textContent: source }));
  return row;
}

function go(to) {
  if (to < 0 || to >= scenes.length || to === index) return;
  index = to;
  show();
  ask();
  document.dispatchEvent(new CustomEvent("linked", { detail: { key: "scene", value: index ? scenes[index].id : null } }));
}

for (const [key, label] of DEPTHS) {
  const choice = make("input", { type: "radio", name: "how-depth", value: key, checked: key === depth });
  choice.addEventListener("change", () => { depth = key; if (kept.has(index)) write(find(".words"), kept.get(index)); });
  find(".depths").append(make("label", {}, choice, make("span", { textContent: label })));
}
scenes.forEach(({ chapter, title }, i) => {
  if (i === 0 || chapter !== scenes[i - 1].chapter) find(".dots").append(make("div", { className: "group" }));
  const dot = make("button", { type: "button", title });
  dot.dataset.index = i;
  dot.setAttribute("aria-label", `${i + 1}: ${title}`);
  dot.addEventListener("click", () => go(i));
  find(".dots").lastElementChild.append(dot);
});
find(".back").addEventListener("click", () => go(index - 1));
find(".next").addEventListener("click", () => go(index + 1));
find(".how").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, [role=application]")) return;
  event.preventDefault();
  go(index + step);
});
document.addEventListener("restore", ({ detail: { values, done } }) => {
  if (!values.has("scene") || !element.offsetParent) return;
  const wanted = scenes.findIndex(({ id }) => id === values.get("scene"));
  done("scene");
  go(wanted);
});
new ResizeObserver(() => ask()).observe(element); // a tab that opens gets a size
watch("value", take);
take();
