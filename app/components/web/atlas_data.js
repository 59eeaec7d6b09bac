// The gallery as the page has it: coordinates, factors and where every picture lies on the sheets; from props.points.
const { methods, titles, factors, people, frames, sheets, trust, trustMeaning } = props.points;
const find = (selector) => element.querySelector(selector);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const count = people.length;

function numbers(text) { // base64 of little-endian uint16, as shares of 65535
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (value) => value / 65535);
}
const unpacked = {};
const places = (method, name) => (unpacked[`${method} ${name}`] ??= numbers(methods[method][name]));
const values = Object.fromEntries(Object.entries(factors).map(([name, { low, high, shares }]) => [name, numbers(shares).map((share) => low + share * (high - low))]));
const nameOf = (i) => `Person ${people[i]}, picture ${frames[i]}`;

const images = {};
function sheetImage(file) { // a sheet that is not there yet draws the maps again when it comes
  if (!images[file]) {
    images[file] = new Image();
    images[file].onload = () => { state.drawn++; drawAll(); };
    images[file].src = file;
  }
  return images[file];
}
const READY = 64; // sheets that are fetched ahead; of a larger gallery, each comes when it is looked at
async function readyCards() { // sheets one after the other, decoded beside the page's own work: else the first cards wait for that
  const kinds = matchMedia("(hover: hover)").matches ? ["thumb", "rebuilt", "neutral", "picture"] : ["thumb"]; // fingers see no cards
  for (const kind of kinds) if ((sheets[kind]?.files.length ?? 0) <= READY) for (const file of sheets[kind]?.files ?? []) await sheetImage(file).decode().catch(() => {});
}
function spriteOf(kind, i) {
  const { files, side, columns, rows } = sheets[kind], place = i % (columns * rows);
  return { file: files[Math.floor(i / (columns * rows))], side, columns, x: (place % columns) * side, y: Math.floor(place / columns) * side };
}
