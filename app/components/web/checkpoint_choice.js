// Links to the pages of other checkpoints. What the address holds goes along, and the visitor's photos, which the page there reads anew.
// The page is fetched before it is opened: gradio reloads a page whose server lets it wait while it is being left.
const KEY = "latentface-photos", said = element.querySelector(".said");

async function open(name, address) {
  said.textContent = `Loading ${name}: some seconds … Your photos come along.`;
  try {
    await fetch(address);
  } catch {
    return void (said.textContent = "The server does not answer: try again.");
  }
  const photos = document.querySelector("#chips [data-carry]")?.dataset.carry ?? document.querySelector("#chips")?.dataset.carry;
  if (photos) sessionStorage.setItem(KEY, photos);
  location.assign(address + location.hash);
}

element.querySelector(".names").replaceChildren(...props.choices.map(({ name, address, note, here }) => {
  const link = Object.assign(document.createElement("a"), { textContent: name, href: address, title: note });
  if (here) link.setAttribute("aria-current", "page");
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // to a window of its own
    event.preventDefault();
    if (!here) open(name, address);
  });
  return link;
}));
const rest = () => { said.textContent = props.choices.find(({ here }) => here)?.note ?? ""; };
addEventListener("pageshow", rest); // back from there
rest();
