// Colours of the dots: viridis for a factor, a hue a person; packed as canvas pixels.
const RAMP = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]];
function ramp(share) {
  const at = clamp(share, 0, 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[i].map((low, k) => Math.round(low + (at - i) * (RAMP[i + 1][k] - low)));
}
function hue(person) { // neighbouring numbers get far-apart hues
  const h = (person * 137.508) % 360, light = person % 2 ? 0.62 : 0.46, reach = 0.62 * Math.min(light, 1 - light);
  const part = (n) => { const k = (n + h / 30) % 12; return Math.round(255 * (light - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1)))); };
  return [part(0), part(8), part(4)];
}
const packedColour = ([r, g, b], alpha = 255) => ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;

let colours = new Uint32Array(count);
function paint(factor) {
  const { low, high } = factors[factor] ?? {};
  for (let i = 0; i < count; i++) colours[i] = packedColour(factor === "person" ? hue(people[i]) : ramp((values[factor][i] - low) / (high - low || 1)));
}
