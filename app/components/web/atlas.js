// Links the maps: one hovered dot, one chosen dot, one selection and one filter for all of them.
const kinOf = {};
people.forEach((person, i) => (kinOf[person] ??= []).push(i));
const everyone = Uint32Array.from({ length: count }, (_, i) => i);
const state = {
  method: "umap", chosen: props.start, hovered: null, mask: new Uint8Array(count).fill(1), selected: new Uint8Array(count),
  chosenMany: 0, filtered: false, order: everyone, density: false, lassoing: false, panel: null,
  drawn: 0, kin: (i) => kinOf[people[i]], shows: (i) => state.mask[i],
};
const dim = new Uint32Array(count);
function inksOfSelection() { for (let i = 0; i < count; i++) dim[i] = state.selected[i] && state.mask[i] ? colours[i] : GREY; return dim; }
function inksOfFilter() { for (let i = 0; i < count; i++) dim[i] = state.mask[i] ? colours[i] : GREY; return dim; }
const inksNow = () => (state.chosenMany ? inksOfSelection() : state.filtered ? inksOfFilter() : colours);
function sortDots() { // those that are lit lie on top
  state.drawn++;
  const lit = (i) => (state.chosenMany ? state.selected[i] : 1) && state.mask[i];
  state.order = state.chosenMany || state.filtered ? Uint32Array.from([...everyone.filter((i) => !lit(i)), ...everyone.filter(lit)]) : everyone;
}
function hover(panel, i) {
  state.hovered = i;
  if (i === null) hideCard(); else { layOut(panel); showCard(panel, i); }
  drawAll();
}
function choose(panel, i) {
  state.chosen = i;
  hideCard();
  drawAll();
  trigger("select", { index: i, map: panel.which.value });
}
function select(rows, panel) {
  state.selected.fill(0);
  for (const i of rows) state.selected[i] = 1;
  state.chosenMany = rows.length;
  sortDots();
  for (const name of ["clear", "keep-a", "keep-b"]) find(`.${name}`).disabled = !rows.length;
  const persons = new Set(rows.map((i) => people[i])).size;
  find(".said").textContent = rows.length ? `${rows.length} pictures of ${persons} ${persons === 1 ? "person" : "people"} selected.` : "";
  drawAll();
  if (rows.length || state.told) trigger("lasso", { rows: [...rows], map: panel.which.value });
  state.told = rows.length > 0;
}
const selection = () => [...everyone].filter((i) => state.selected[i]);

const factor = find(".factor"), filter = find(".filter"), low = find(".low"), high = find(".high");
for (const name of Object.keys(factors)) { factor.add(new Option(name, name)); if (name !== "person") filter.add(new Option(name, name)); }
function drawLegend() {
  const words = (text) => Object.assign(document.createElement("span"), { textContent: text });
  if (factor.value === "person") return find(".legend").replaceChildren(words("One colour a person; lines join one person's pictures."));
  const bar = Object.assign(document.createElement("span"), { className: "ramp" }), { low: least, high: most } = factors[factor.value];
  bar.style.background = `linear-gradient(90deg, ${RAMP.map((c) => `rgb(${c})`).join(",")})`;
  find(".legend").replaceChildren(words(`${factor.value}: ${least.toFixed(1)}`), bar, words(most.toFixed(1)));
}
function sieve() {
  const { low: least, high: most } = factors[filter.value], from = least + Number(low.value) * (most - least), to = least + Number(high.value) * (most - least);
  const person = find(".person").value === "" ? null : Number(find(".person").value);
  let left = 0;
  state.filtered = low.value > 0 || high.value < 1 || person !== null;
  for (let i = 0; i < count; i++) left += state.mask[i] = (low.value <= 0 || values[filter.value][i] >= from) && (high.value >= 1 || values[filter.value][i] <= to) && (person === null || people[i] === person) ? 1 : 0;
  find(".within").textContent = state.filtered ? (left ? `${filter.value} ${from.toFixed(1)} to ${to.toFixed(1)}: ${left} pictures` : person !== null && !kinOf[person] ? `There is no person ${person}.` : "No picture is left: widen the range.") : "";
  sortDots();
  drawAll();
}
for (const one of [filter, low, high, find(".person")]) one.addEventListener("input", sieve);
factor.addEventListener("change", () => { paint(factor.value); state.drawn++; drawLegend(); drawAll(); });
find(".method").addEventListener("change", (event) => { state.method = event.target.value; panels.forEach(describe); panels.forEach(goHome); });
find(".density").addEventListener("change", (event) => { state.density = event.target.checked; state.drawn++; drawAll(); });
function setLasso(on) {
  state.lassoing = on;
  find(".panels").classList.toggle("lassoing", on);
  find(".pan").setAttribute("aria-pressed", !on);
  find(".lasso").setAttribute("aria-pressed", on);
}
find(".pan").addEventListener("click", () => setLasso(false));
find(".lasso").addEventListener("click", () => setLasso(true));
find(".near").addEventListener("click", () => likeThis(state.panel ?? shownPanels()[0]));
find(".clear").addEventListener("click", () => select([], panels[0]));
for (const side of ["a", "b"]) find(`.keep-${side}`).addEventListener("click", () => trigger("group", { rows: selection(), side }));

paint(factor.value);
const panels = props.shown.map(makePanel);
panels.forEach(hands);
drawLegend();
watch("value", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTimeout(drawAll, 100));
const lookout = new IntersectionObserver((entries) => { // pictures come once the maps are looked at
  if (!entries.some((entry) => entry.isIntersecting)) return;
  lookout.disconnect();
  readyCards();
});
lookout.observe(element);
