// The card at a dot: picture, what the model rebuilt, the face at rest, and the factors; all from the sheets.
const card = find(".card");
function sprite(place, kind, i) {
  const { file, x, y, side } = spriteOf(kind, i), k = 96 / side, { columns } = sheets[kind];
  place.style.backgroundImage = `url("${file}")`;
  place.style.backgroundSize = `${columns * 96}px auto`;
  place.style.backgroundPosition = `${-x * k}px ${-y * k}px`;
}
function showCard(panel, i) {
  for (const kind of ["picture", "rebuilt", "neutral"]) {
    const there = Boolean(sheets[kind]);
    card.querySelector(`.${kind}`).parentElement.hidden = !there;
    if (there) sprite(card.querySelector(`.${kind}`), kind, i);
  }
  const told = Object.keys(factors).filter((name) => name !== "person").map((name) => `${name} ${values[name][i].toFixed(1)}`);
  card.querySelector("p").textContent = `${nameOf(i)}: ${told.join(", ")}`;
  card.hidden = false;
  const box = panel.canvas.getBoundingClientRect(), x = box.left + panel.xs[i] / panel.scale, y = box.top + panel.ys[i] / panel.scale;
  const { offsetWidth: wide, offsetHeight: high } = card;
  card.style.left = `${clamp(x + 18, 6, innerWidth - wide - 6)}px`;
  card.style.top = `${y + high + 24 > innerHeight ? Math.max(6, y - high - 18) : y + 18}px`;
}
function hideCard() { card.hidden = true; }
