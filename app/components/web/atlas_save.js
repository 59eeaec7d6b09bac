// Saves the maps as they stand, as PNG or SVG, with a caption of what made them.
function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function table() { // what is selected, else all that passes the filter: row, factors, coordinates on every map
  const rows = [...everyone].filter((i) => (state.chosenMany ? state.selected[i] : 1) && state.mask[i]);
  return rows.map((i) => {
    const record = { row: i, person: people[i], picture: frames[i] };
    for (const name of Object.keys(factors)) if (name !== "person") record[name] = Number(values[name][i].toFixed(2));
    for (const method of Object.keys(methods)) for (const name of Object.keys(titles)) ["x", "y"].forEach((axis, k) => { record[`${method} ${name} ${axis}`] = Number(places(method, name)[2 * i + k].toFixed(4)); });
    return record;
  });
}
function saveCsv() {
  const rows = table(), names = Object.keys(rows[0] ?? {});
  save(new Blob([[`# ${caption}`, names.join(","), ...rows.map((row) => names.map((name) => row[name]).join(","))].join("\n") + "\n"], { type: "text/csv" }), "selection.csv");
}
const saveJson = () => save(new Blob([JSON.stringify({ made: caption, rows: table() }, null, 1)], { type: "application/json" }), "selection.json");
const titleOf = (panel) => `${titles[panel.which.value][0]}, ${state.method.toUpperCase()}`;
const shownPanels = () => panels.filter((panel) => panel.canvas.clientWidth);
function savePng() {
  const shown = shownPanels(), { width, height } = shown[0], gap = 16, sheet = document.createElement("canvas"), pen = sheet.getContext("2d");
  sheet.width = shown.length * (width + gap) + gap;
  sheet.height = height + 96;
  pen.fillStyle = getComputedStyle(element).getPropertyValue("--background-fill-primary") || "#fff";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = getComputedStyle(element).getPropertyValue("--body-text-color") || "#222";
  shown.forEach((panel, n) => {
    pen.font = "600 18px system-ui, sans-serif";
    pen.fillText(titleOf(panel), gap + n * (width + gap), 28);
    pen.drawImage(panel.canvas, gap + n * (width + gap), 40);
  });
  pen.font = "13px system-ui, sans-serif";
  pen.fillText(`Coloured by ${find(".factor").value}. ${caption}`, gap, height + 72, sheet.width - 2 * gap);
  sheet.toBlob((blob) => save(blob, "maps.png"));
}
function saveSvg() {
  const shown = shownPanels(), { width, height } = shown[0], gap = 16, css = (ink) => `rgb(${ink & 255},${(ink >> 8) & 255},${(ink >> 16) & 255})`;
  const plain = (words) => words.replace(/[&<>]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[one]);
  const inks = state.chosenMany ? inksOfSelection() : state.filtered ? inksOfFilter() : colours;
  const maps = shown.map((panel, n) => {
    const dots = [...state.order].filter((i) => panel.xs[i] >= 0 && panel.ys[i] >= 0 && panel.xs[i] <= width && panel.ys[i] <= height);
    return `<g transform="translate(${gap + n * (width + gap)} 40)"><text y="-12" font-size="18" font-weight="600">${plain(titleOf(panel))}</text><rect width="${width}" height="${height}" fill="none" stroke="#999"/>${dots.map((i) => `<circle cx="${panel.xs[i].toFixed(1)}" cy="${panel.ys[i].toFixed(1)}" r="3" fill="${css(inks[i])}"/>`).join("")}</g>`;
  });
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${shown.length * (width + gap) + gap}" height="${height + 90}" font-family="sans-serif">${maps.join("")}<text x="${gap}" y="${height + 70}" font-size="13">${plain(`Coloured by ${find(".factor").value}. ${caption}`)}</text></svg>`;
  save(new Blob([text], { type: "image/svg+xml" }), "maps.svg");
}
