// Density: how many dots lie where, counted in cells and smoothed, drawn as a tint below the dots.
const CELLS = 72;
function drawDensity(context, width, height, xs, ys, mask, ink) {
  let grid = new Float32Array(CELLS * CELLS);
  for (let i = 0; i < count; i++) {
    const x = Math.floor((xs[i] / width) * CELLS), y = Math.floor((ys[i] / height) * CELLS);
    if (mask[i] && x >= 0 && y >= 0 && x < CELLS && y < CELLS) grid[y * CELLS + x]++;
  }
  for (let turn = 0; turn < 3; turn++) grid = smoothed(smoothed(grid, 1), CELLS);
  const most = Math.max(...grid) || 1, small = new OffscreenCanvas(CELLS, CELLS), pen = small.getContext("2d");
  const image = pen.createImageData(CELLS, CELLS);
  grid.forEach((value, i) => image.data.set([...ink, Math.round(170 * Math.sqrt(value / most))], 4 * i));
  pen.putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, width, height);
}
function smoothed(grid, step) {
  return grid.map((value, i) => 0.25 * (grid[i - step] ?? 0) + 0.5 * value + 0.25 * (grid[i + step] ?? 0));
}
