// Dots as pixels: round stamps written straight into the canvas's memory, so that 20,000 of them move with the hand.
const stamps = {};
function stamp(radius) { // offsets of a disc: those inside, those on the rim
  if (stamps[radius]) return stamps[radius];
  const inside = [], rim = [], reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) {
    const far = Math.hypot(x, y) - radius;
    if (far <= -0.3) inside.push([x, y]);
    else if (far < 0.5) rim.push([x, y]);
  }
  return (stamps[radius] = { inside, rim, reach });
}
// xs, ys: places in device pixels; order: which dots, the last on top; inks: a packed colour each
function stampDots(pixels, width, height, xs, ys, order, inks, radius) {
  const { inside, rim, reach } = stamp(radius);
  const full = inside.map(([x, y]) => y * width + x), faint = rim.map(([x, y]) => y * width + x);
  for (const i of order) {
    const x = Math.round(xs[i]), y = Math.round(ys[i]);
    if (x < reach || y < reach || x >= width - reach || y >= height - reach) continue;
    const at = y * width + x, ink = inks[i], pale = (ink & 0xffffff) | 0x70000000;
    for (let k = 0; k < full.length; k++) pixels[at + full[k]] = ink;
    for (let k = 0; k < faint.length; k++) if (pixels[at + faint[k]] === 0) pixels[at + faint[k]] = pale >>> 0;
  }
}
