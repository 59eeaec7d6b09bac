// The address after # holds the tab, props.controls (key -> selector of an input) as the visitor left them, and what parts tell by `linked`.
const pending = new URLSearchParams(location.hash.slice(1)), now = new URLSearchParams(location.hash.slice(1));
const TRIES = 40, EVERY = 300, SETTLE = 2000; // milliseconds; a part that is not there yet is waited for, a new face brings its own numbers
const before = {}, told = {}; // key -> value before the visitor's hand came, value that the address holds
const again = {}; // key -> value to set once more if a face that comes late takes it back
let faceCame = Date.now();

function put(key, value) {
  if (pending.has(key)) return;
  if (value === null || value === undefined) now.delete(key);
  else now.set(key, value);
  const rest = now.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && "#" + rest));
}

const controls = () => Object.entries(props.controls).map(([key, selector]) => [key, document.querySelector(selector)]).filter(([, input]) => input);

const touched = (target) => controls().filter(([, input]) => input.closest(".block")?.contains(target));

function tell(target) {
  for (const [key, input] of touched(target)) {
    if (before[key] === undefined || input.value === (told[key] ?? before[key])) continue;
    put(key, (told[key] = input.value));
  }
}

function set(key, input, value) {
  input.value = value;
  told[key] = input.value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function forget() { // numbers that a new face has taken back
  for (const [key, input] of controls()) {
    if (told[key] === undefined || told[key] === input.value) continue;
    if (again[key] !== undefined) {
      set(key, input, again[key]);
      delete again[key];
      continue;
    }
    delete told[key];
    delete before[key];
    put(key, null);
  }
}

function restore(tries) {
  document.dispatchEvent(new CustomEvent("restore", { detail: { values: pending, done: (key) => { pending.delete(key); faceCame = Date.now(); } } }));
  if (Date.now() > faceCame + SETTLE) {
    for (const [key, input] of controls()) {
      const boxes = input.closest("[role=tabpanel]")?.querySelectorAll("[data-slot]") ?? [];
      if (!pending.has(key) || [...boxes].some((box) => pending.has(box.dataset.slot))) continue;
      before[key] = input.value;
      set(key, input, (again[key] = pending.get(key)));
      pending.delete(key);
    }
  }
  if (pending.size && tries > 0) setTimeout(restore, EVERY, tries - 1);
}

let list = null;
const opened = () => list.querySelector('[aria-selected="true"]')?.dataset.tabId;

function tabs() { // one tab stop for all; the arrows move between them
  for (const tab of list.querySelectorAll("[role=tab]")) tab.tabIndex = tab.ariaSelected === "true" ? 0 : -1;
  const tab = opened();
  if (tab) put("tab", tab === props.tabs[0] ? null : tab);
  if (pending.size) restore(TRIES); // what lies on that tab is there now
}

function move(event) {
  const all = [...list.querySelectorAll("[role=tab]")], at = all.indexOf(document.activeElement), last = all.length - 1;
  const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
  if (next === undefined || at < 0) return;
  event.preventDefault();
  all[next].focus();
  all[next].click();
}

function follow(values) { // goes where a link on this page leads: its tab is opened, the rest of the address stays as it is
  for (const [key, value] of values) if (key !== "tab") pending.set(key, value);
  const tab = values.get("tab");
  if (tab && tab !== opened()) trigger("select", { index: tab });
  if (pending.size) restore(TRIES);
}

document.addEventListener("follow", ({ detail }) => follow(new URLSearchParams(detail)));
addEventListener("hashchange", () => {
  const values = new URLSearchParams(location.hash.slice(1));
  put("tab", opened() === props.tabs[0] ? null : opened()); // until the tab is there
  follow(values);
});
document.addEventListener("linked", ({ detail }) => {
  put(detail.key, detail.value);
  faceCame = Date.now();
  for (const times of [1, 3]) setTimeout(forget, times * SETTLE); // on a busy server it comes late
});
for (const type of ["pointerdown", "keydown"]) {
  document.addEventListener(type, ({ target }) => {
    for (const [key, input] of touched(target)) {
      before[key] ??= input.value;
      delete again[key];
    }
  }, true);
}
for (const type of ["input", "click", "keyup", "pointerup"]) document.addEventListener(type, ({ target }) => setTimeout(tell, EVERY, target));

const asked = pending.get("tab");
pending.delete("tab");

function start() {
  list = document.querySelector("#tabs [role=tablist]");
  if (!list) return setTimeout(start, EVERY); // the page is still being built
  list.addEventListener("keydown", move);
  new MutationObserver(tabs).observe(list, { subtree: true, childList: true, attributeFilter: ["aria-selected"] });
  tabs();
  if (asked && asked !== opened()) trigger("select", { index: asked });
  restore(TRIES);
}
start();
