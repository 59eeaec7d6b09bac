// A tour over the page's tabs: props.stops = [{tab, target, title, words, task}]. The address holds the stop, tour=3; links.js opens tabs.
// The page makes room for the panel, so that nothing that is spoken about lies below it.
const TRIES = 80, AGAIN = 16, EVERY = 250, SETTLES = 5000, GAP = 20; // milliseconds, for contents come some moments after their tab is opened; pixels
const { stops } = props, find = (selector) => element.querySelector(selector);
const panel = find(".panel"), whole = element.closest(".gradio-container"), calm = matchMedia("(prefers-reduced-motion: reduce)");
let at = null, framed = null, timer = 0, settling = 0;

function unframe() {
  clearTimeout(timer);
  clearTimeout(settling);
  framed?.classList.remove("toured");
  framed = null;
}

const isSeen = (target) => target && target.getClientRects().length > 0 && target.getBoundingClientRect().height > 0;

function frame(tries) {
  const { target } = stops[at], found = [...document.querySelectorAll(target)].find(isSeen);
  if (!found) {
    if (tries > 0 && tries < TRIES && tries % AGAIN === 0) open(); // two tabs asked for at once: the other came last
    if (tries > 0) timer = setTimeout(frame, EVERY, tries - 1);
    else find(".said").textContent = "This part has not come. Go on with Next, or load the page again.";
    return;
  }
  find(".said").textContent = "";
  framed = found;
  found.classList.add("toured");
  bring(found);
  settle(found, Date.now() + SETTLES);
}

function settle(found, until, last) { // what stands above may grow for a while: brought again, once it stands still elsewhere
  if (framed !== found || Date.now() > until) return;
  if (!isSeen(found)) { // another tab had been asked for just before, and came after this one
    unframe();
    open();
    return frame(TRIES);
  }
  const { top } = found.getBoundingClientRect();
  if (top === last && Math.abs(place(found) - scrollY) > GAP) bring(found);
  settling = setTimeout(settle, EVERY, found, until, top);
}

// from where a visitor goes by hand, nobody is brought back
for (const kind of ["wheel", "touchmove", "pointerdown", "keydown"])
  addEventListener(kind, () => clearTimeout(settling), { capture: true, passive: true });

function place(target) { // scrollY at which the part is seen best
  const room = innerHeight - (liesBelow() ? panel.offsetHeight : 0), { top, height } = target.getBoundingClientRect();
  const wanted = top + scrollY - Math.max(16, (room - height) / 2);
  return Math.max(0, Math.min(wanted, document.documentElement.scrollHeight - innerHeight));
}

function bring(target) {
  scrollTo({ top: place(target), behavior: calm.matches ? "instant" : "smooth" });
}

const liesBelow = () => panel.offsetWidth > 0.8 * innerWidth; // on a phone; else it lies beside

function makeRoom() { // by hand: gradio does not let a style sheet's @media reach the element around the page
  for (const side of ["right", "bottom"]) whole.style.removeProperty(`padding-${side}`);
  if (at === null) return;
  const [side, room] = liesBelow() ? ["bottom", panel.offsetHeight + GAP] : ["right", innerWidth - panel.getBoundingClientRect().left + GAP];
  whole.style.setProperty(`padding-${side}`, `${room}px`, "important");
}

function go(to, focus = true) {
  if (to < 0 || to >= stops.length) return leave();
  const before = at;
  at = to;
  unframe();
  const { title, words, task } = stops[at];
  panel.hidden = false;
  find(".at").textContent = `Stop ${at + 1} of ${stops.length}, half a minute`;
  find("h3").textContent = title;
  find(".words").textContent = words;
  find(".task").textContent = `Try it: ${task}`;
  find(".said").textContent = "";
  find(".back").ariaDisabled = at === 0; // a button that is really disabled would lose the focus, and the keyboard with it
  find(".next").textContent = at === stops.length - 1 ? "End" : "Next";
  makeRoom();
  tell(at + 1);
  open();
  frame(TRIES);
  if (focus && before === null) panel.focus();
}

const open = () => document.dispatchEvent(new CustomEvent("follow", { detail: { tab: stops[at].tab } }));

function leave() {
  if (at === null) return;
  at = null;
  unframe();
  panel.hidden = true;
  makeRoom();
  tell(null);
  find(".start").focus();
}

function tell(value) {
  document.dispatchEvent(new CustomEvent("linked", { detail: { key: "tour", value } }));
}

find(".start").addEventListener("click", () => go(at ?? 0));
find(".back").addEventListener("click", () => at > 0 && go(at - 1));
find(".next").addEventListener("click", () => go(at + 1));
find(".skip").addEventListener("click", leave);
panel.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (at + step >= 0 && at + step < stops.length) go(at + step);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || at === null || event.defaultPrevented) return;
  const busy = event.target.closest?.("input, select, textarea, [role=listbox], [role=menu], [aria-expanded=true]");
  if (!busy || panel.contains(event.target)) leave();
});
addEventListener("resize", makeRoom);
document.addEventListener("restore", ({ detail: { values, done } }) => {
  if (!values.has("tour")) return;
  const wanted = Number(values.get("tour")) - 1;
  done("tour");
  if (Number.isInteger(wanted) && wanted >= 0 && wanted < stops.length) go(wanted);
});
