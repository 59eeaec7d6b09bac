// The visitor's faces as chips: props.value = [{name, picture, uses, photo}]; a click or a menu's entry is select [number, action].
// Photos that come from the page of another checkpoint (see checkpoint_choice.js) are upload {photos, current}.
const row = element.querySelector(".faces");
const ACTIONS = [["shown", "This face"], ["a", "As A"], ["b", "As B"], ["map", "On the map"], ["remove", "Remove"]];

function make(tag, className, text, more = {}) {
  return Object.assign(document.createElement(tag), { className, textContent: text, ...more });
}

function menu(number, name, opener) {
  const box = make("div", "menu", "", { popover: "auto" });
  box.setAttribute("role", "menu");
  box.setAttribute("aria-label", name);
  box.append(...ACTIONS.map(([action, words]) => {
    const entry = make("button", "", words, { type: "button" });
    entry.setAttribute("role", "menuitem");
    entry.addEventListener("click", () => {
      box.hidePopover();
      trigger("select", { index: [number, action] });
    });
    return entry;
  }));
  box.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    opener.setAttribute("aria-expanded", open);
    if (!open) return;
    const at = opener.getBoundingClientRect();
    box.style.top = `${at.bottom + 4}px`;
    box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8))}px`;
    box.firstChild.focus();
  });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], entries = [...box.children];
    if (!step) return;
    event.preventDefault();
    entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length].focus();
  });
  return box;
}

function draw() {
  const photos = (props.value || []).filter(({ photo }) => photo), current = photos.findIndex(({ uses }) => uses.includes("this face"));
  element.dataset.carry = photos.length ? JSON.stringify({ photos: photos.map(({ photo }) => photo), current }) : "";
  row.replaceChildren(...(props.value || []).map(({ name, picture, uses }, number) => {
    const chip = make("div", uses.includes("this face") ? "chip shown" : "chip", "");
    const face = make("button", "face", "", { type: "button", title: `${name}: make it this face` });
    if (uses.includes("this face")) face.setAttribute("aria-current", "true");
    face.append(Object.assign(new Image(), { src: picture, alt: "" }), make("span", "name", name));
    face.append(...uses.filter((use) => use.length === 1).map((use) => make("span", "use", use)));
    face.addEventListener("click", () => trigger("select", { index: [number, "shown"] }));
    const more = make("button", "more", "⋯", { type: "button", title: `What to do with ${name}` });
    more.setAttribute("aria-haspopup", "menu");
    more.setAttribute("aria-label", more.title);
    const box = menu(number, name, more);
    more.addEventListener("click", () => box.togglePopover());
    chip.append(face, more, box);
    return chip;
  }));
}
draw();
watch("value", draw);
const KEY = "latentface-photos", carried = sessionStorage.getItem(KEY);
if (carried) {
  sessionStorage.removeItem(KEY);
  row.textContent = "Your photos come along …";
  trigger("upload", JSON.parse(carried));
}
