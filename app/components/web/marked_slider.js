// A slider with marks: props.value is the number, props.marks = [{value, at, number, word}]; moving it is input {value}.
const range = element.querySelector(".range"), number = element.querySelector(".number");
const marks = element.querySelector(".marks"), said = element.querySelector(".said");
const { least, most, step, name } = props;
element.querySelector(".name").textContent = name;
element.querySelector(".marked").setAttribute("aria-label", name);
range.setAttribute("aria-label", name);
number.setAttribute("aria-label", `${name}, as a number`);
for (const input of [range, number]) Object.assign(input, { min: least, max: most, step });

function show(value) {
  range.value = value;
  range.setAttribute("aria-valuetext", `${value}`);
  if (document.activeElement !== number) number.value = value;
}

function go(value, words = "") {
  said.textContent = words;
  show(value);
  trigger("input", { value });
}

range.addEventListener("input", () => go(Number(range.value)));
number.addEventListener("change", () => {
  const typed = number.value === "" ? NaN : Number(number.value);
  if (Number.isNaN(typed)) return show(Number(range.value));
  const value = Math.min(most, Math.max(least, typed));
  number.blur();
  go(value, value === typed ? "" : `This goes from ${least} to ${most}: ${value} is taken.`);
  number.value = value;
});
for (const { value, at, number: digits, word } of props.marks) {
  const mark = document.createElement("button"), bold = document.createElement("b"), words = document.createElement("span");
  mark.type = "button";
  mark.className = at <= 0 ? "first" : at >= 1 ? "last" : "";
  mark.style.setProperty("--at", at);
  mark.title = `${name}: ${digits}, ${word}`;
  bold.textContent = digits;
  words.textContent = word;
  mark.append(bold, words);
  mark.addEventListener("click", () => go(value));
  marks.append(mark);
}
watch("value", () => show(props.value));
show(props.value);
