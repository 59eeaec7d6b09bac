// Questions one after the other: predict, then reveal. props.value = {face: {id, name, src}} says whom they are about; with
// {question, asked} or {question, answer} it answers select {index, reveal}. Predictions stay here.
const PATIENCE = 60_000; // milliseconds after which an answer counts as lost
const UNSURE = "unsure", UNSURE_WORDS = "I don't know";
const find = (selector) => element.querySelector(selector);
const { questions } = props, asked = new Map(), answers = new Map(), predicted = new Map();
let index = 0, face = {}, waiting = null, overdue = null, wantsAnswer = false, drawn = "";

function make(tag, traits = {}, ...children) {
  const made = Object.assign(document.createElement(tag), traits);
  made.append(...children);
  return made;
}

function request() { // one at a time: the open question, its answer once that is wanted, then the question after it
  const open = index < questions.length;
  let wanted = null;
  if (open && !asked.has(index)) wanted = { index, reveal: false };
  else if (open && wantsAnswer && !answers.has(index)) wanted = { index, reveal: true };
  else if (index + 1 < questions.length && !asked.has(index + 1)) wanted = { index: index + 1, reveal: false };
  if (waiting || !wanted || !element.offsetParent) return;
  waiting = wanted;
  overdue = setTimeout(() => { waiting = null; find(".said").textContent = "The server takes long: asking again …"; request(); }, PATIENCE);
  trigger("select", wanted);
}

function take() {
  const { value } = props;
  if (value.face.id !== face.id) {
    const again = face.id && (predicted.size || index);
    face = value.face;
    for (const kept of [asked, answers, predicted]) kept.clear();
    index = 0;
    wantsAnswer = false;
    drawn = "";
    find(".who img").src = face.src;
    find(".who span").textContent = `On this face: ${face.name}`;
    find(".said").textContent = again ? "Another face: the questions begin again." : "";
  }
  if (value.question !== undefined || value.missing) {
    clearTimeout(overdue);
    waiting = null;
    if (value.asked) asked.set(value.question, value.asked);
    if (value.answer) answers.set(value.question, value.answer);
    if (value.answer && value.question === index) wantsAnswer = false;
  }
  show();
  request();
}

const wordsOf = (number, id) => (id === UNSURE ? UNSURE_WORDS : asked.get(number)?.choices.find((choice) => choice.id === id)?.words ?? "");

function figures(place, pictures) {
  place.replaceChildren(...pictures.map(({ src, label }) => make("figure", {}, make("img", { src, alt: label }), make("figcaption", { textContent: label }))));
}

function show() {
  const atEnd = index === questions.length;
  find(".question").hidden = atEnd;
  find(".sum").hidden = !atEnd;
  find(".count").textContent = atEnd ? "The end" : `Question ${index + 1} of ${questions.length}`;
  find(".back").ariaDisabled = index === 0; // a button that is really disabled would lose the focus, and the keyboard with it
  find(".next").textContent = atEnd ? "Begin again" : index === questions.length - 1 ? "All answers" : answers.has(index) ? "Next" : "Skip";
  find(".reveal").hidden = atEnd || answers.has(index);
  find(".reveal").ariaDisabled = !predicted.has(index) || wantsAnswer;
  find(".reveal").textContent = wantsAnswer ? "Working it out …" : "Reveal";
  find(".next").classList.toggle("main", atEnd || answers.has(index));
  if (atEnd) showSum();
  else showQuestion();
}

function showQuestion() {
  const content = asked.get(index), answer = answers.get(index), state = `${face.id} ${index} ${Boolean(content)} ${Boolean(answer)}`;
  if (state === drawn) return;
  drawn = state;
  find(".question h3").textContent = questions[index].title;
  find(".body").classList.toggle("waiting", !content);
  find(".asked .words").textContent = content?.words ?? "The model works on this question …";
  figures(find(".asked .pictures"), content?.pictures ?? []);
  const choices = content ? [...content.choices, { id: UNSURE, words: UNSURE_WORDS }] : [];
  find("fieldset").hidden = !content;
  find(".choices").replaceChildren(...choices.map(({ id, words, src }) => {
    const input = make("input", { type: "radio", name: "quiz-choice", value: id, checked: predicted.get(index) === id, disabled: Boolean(answer) });
    input.addEventListener("change", () => { predicted.set(index, id); show(); });
    const label = make("label", { className: src ? "pictured" : "" }, input, make("span", {}, ...(src ? [make("img", { src, alt: "" })] : []), make("b", { textContent: words })));
    if (answer) label.classList.toggle("right", answer.choice === id);
    return label;
  }));
  find(".answer").hidden = !answer;
  if (!answer) return;
  const mine = predicted.get(index), right = wordsOf(index, answer.choice);
  const verdict = mine === answer.choice ? "Your prediction holds." : mine && mine !== UNSURE ? `You said: ${wordsOf(index, mine)}.` : "";
  find(".verdict").replaceChildren(make("b", { textContent: `It is: ${right}.` }), ` ${verdict}`);
  find(".why").textContent = answer.why;
  find(".proof").textContent = answer.proof;
  figures(find(".evidence .pictures"), answer.pictures);
  find(".evidence").classList.toggle("bare", !answer.pictures.length);
  find(".bars").replaceChildren(...answer.bars.map(({ label, share, text }) => {
    const fill = make("i");
    fill.style.width = `${100 * share}%`;
    return make("li", {}, make("span", { textContent: label }), make("span", { className: "track", ariaHidden: "true" }, fill), make("b", { textContent: text }));
  }));
}

function showSum() {
  const known = questions.map((_, number) => number).filter((number) => answers.has(number));
  const alike = known.filter((number) => predicted.get(number) === answers.get(number).choice).length;
  find(".sum h3").textContent = known.length ? `${alike} of the ${known.length} predictions that you revealed hold` : "Nothing was revealed yet";
  find("tbody").replaceChildren(...questions.map(({ title }, number) => {
    const answer = answers.get(number), mine = predicted.get(number);
    const cells = [wordsOf(number, mine) || "–", answer ? wordsOf(number, answer.choice) : "not revealed"];
    return make("tr", { className: answer && mine === answer.choice ? "agreed" : "" }, make("th", { scope: "row", textContent: title }), ...cells.map((words) => make("td", { textContent: words })));
  }));
  drawn = "";
}

function go(to, focus = true) {
  if (to < 0 || to > questions.length || to === index) return;
  index = to;
  wantsAnswer = false;
  find(".said").textContent = "";
  show();
  request();
  if (focus) (index === questions.length ? find(".sum") : find(".question h3")).focus();
  document.dispatchEvent(new CustomEvent("linked", { detail: { key: "question", value: index && index < questions.length ? questions[index].id : null } }));
}

find(".back").addEventListener("click", () => go(index - 1));
find(".next").addEventListener("click", () => {
  if (index < questions.length) return go(index + 1);
  for (const kept of [answers, predicted]) kept.clear();
  go(0);
});
find(".reveal").addEventListener("click", () => {
  if (wantsAnswer) return;
  if (!predicted.has(index)) return void (find(".said").textContent = "Choose first: a guess is enough, and so is “I don't know”.");
  find(".said").textContent = "";
  wantsAnswer = true;
  show();
  request();
});
new MutationObserver(() => { // an answer that has come is read next
  if (!find(".answer").hidden && document.activeElement === find(".reveal")) find(".answer").focus();
  else if (!find(".answer").hidden && document.activeElement === document.body) find(".answer").focus();
}).observe(find(".answer"), { attributeFilter: ["hidden"] });
document.addEventListener("restore", ({ detail: { values, done } }) => {
  if (!values.has("question") || !element.offsetParent) return;
  const wanted = questions.findIndex(({ id }) => id === values.get("question"));
  done("question");
  if (wanted >= 0) go(wanted, false);
});
new ResizeObserver(() => request()).observe(element); // a tab that opens gets a size
watch("value", take);
take();
