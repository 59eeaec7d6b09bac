// Links to the pages of other checkpoints. What the address holds goes along, and the photo of this face, which the page there reads anew.
// The page is fetched before it is opened: gradio reloads a page whose server lets it wait while it is being left.
const KEY = "latentface-photo", said = element.querySelector(".said");

async function open(name, address) {
  said.textContent = `Loading ${name}: some seconds …`;
  try {
    await fetch(address);
  } catch {
    return void (said.textContent = "The server does not answer: try again.");
  }
  const photo = document.querySelector('[data-slot="face"]')?.dataset.photo;
  if (photo) sessionStorage.setItem(KEY, photo);
  location.assign(address + location.hash);
}

element.querySelector(".names").replaceChildren(...props.choices.map(({ name, address, here }) => {
  const link = Object.assign(document.createElement("a"), { textContent: name, href: address });
  if (here) link.setAttribute("aria-current", "page");
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // to a window of its own
    event.preventDefault();
    if (!here) open(name, address);
  });
  return link;
}));
addEventListener("pageshow", () => { said.textContent = ""; }); // back from there
