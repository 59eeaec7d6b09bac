// What can be taken along of the maps (see export.js): the rows that are lit, a figure for plotly, and the maps as they stand on one sheet.
function lit() { return [...everyone].filter((i) => (state.chosenMany ? state.selected[i] : 1) && state.mask[i]); }
function rowsLit() { // row, factors, coordinates on every map
  const told = Object.keys(factors).filter((name) => name !== "person"), maps = Object.keys(methods).flatMap((method) => Object.keys(titles).map((name) => [method, name]));
  const head = ["row", "person", "picture", ...told, ...maps.flatMap(([method, name]) => [`${method} ${name} x`, `${method} ${name} y`])];
  const line = (i) => [i, people[i], frames[i], ...told.map((name) => Number(values[name][i].toFixed(2))), ...maps.flatMap(([method, name]) => [0, 1].map((k) => Number(places(method, name)[2 * i + k].toFixed(4))))];
  return [head, ...lit().map(line)];
}
const titleOf = (panel) => `${titles[panel.which.value][0]}, ${state.method.toUpperCase()}`;
const shownPanels = () => panels.filter((panel) => panel.canvas.clientWidth);
function mapsAsFigure() {
  const shown = shownPanels(), style = getComputedStyle(element), ink = style.getPropertyValue("--body-text-color").trim(), order = [...state.order];
  const inks = inksNow(), shades = order.map((i) => `rgba(${inks[i] & 255},${(inks[i] >> 8) & 255},${(inks[i] >> 16) & 255},${((inks[i] >>> 24) / 255).toFixed(2)})`);
  const layout = { width: 340 * shown.length + 20, height: 390, showlegend: false, font: { color: ink, family: style.fontFamily }, margin: { l: 10, r: 10, t: 40, b: 10 }, annotations: [] };
  const data = shown.flatMap((panel, n) => {
    const name = panel.which.value, at = places(state.method, name), axis = n ? n + 1 : "", [left, right] = [n / shown.length + 0.01, (n + 1) / shown.length - 0.01];
    layout[`xaxis${axis}`] = { domain: [left, right], range: [-0.03, 1.03], showticklabels: false, showgrid: false, zeroline: false, mirror: true, showline: true, linecolor: "#999" };
    layout[`yaxis${axis}`] = { ...layout[`xaxis${axis}`], domain: [0, 1], anchor: `x${axis}` };
    layout.annotations.push({ text: titleOf(panel), x: left, xref: "paper", xanchor: "left", y: 1.01, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 14 } });
    const axes = { type: "scatter", xaxis: `x${axis}`, yaxis: `y${axis}` }, stars = (props.value?.stars ?? []).filter((star) => star.places?.[state.method]?.[name]);
    return [
      { ...axes, mode: "markers", name: titleOf(panel), x: order.map((i) => at[2 * i]), y: order.map((i) => at[2 * i + 1]), marker: { color: shades, size: 3.5 }, text: order.map(nameOf), hoverinfo: "text" },
      { ...axes, mode: "markers+text", name: "★", x: stars.map((star) => star.places[state.method][name][0]), y: stars.map((star) => star.places[state.method][name][1]), text: stars.map((star) => star.name), textposition: "top center", marker: { symbol: "star", size: 13, color: "#d97706", line: { width: 1, color: ink } } },
    ];
  });
  return { data, layout };
}
function sheetOfMaps(caption) { // a canvas: the maps as they stand, faces, density and lasso too
  const shown = shownPanels(), { width, height } = shown[0], gap = 16, sheet = document.createElement("canvas"), pen = sheet.getContext("2d"), style = getComputedStyle(element);
  sheet.width = shown.length * (width + gap) + gap;
  pen.font = "13px system-ui, sans-serif";
  const lines = [""];
  for (const word of `Coloured by ${find(".factor").value}. ${caption}`.split(/\s+/)) pen.measureText(`${lines.at(-1)} ${word}`).width > sheet.width - 2 * gap ? lines.push(word) : lines.push(`${lines.pop()} ${word}`.trim());
  sheet.height = height + 72 + 18 * lines.length;
  pen.fillStyle = style.getPropertyValue("--background-fill-primary") || "#fff";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = style.getPropertyValue("--body-text-color") || "#222";
  shown.forEach((panel, n) => {
    pen.font = "600 18px system-ui, sans-serif";
    pen.fillText(titleOf(panel), gap + n * (width + gap), 28);
    pen.drawImage(panel.canvas, gap + n * (width + gap), 40);
  });
  pen.font = "13px system-ui, sans-serif";
  lines.forEach((line, n) => pen.fillText(line, gap, height + 66 + 18 * n));
  return sheet;
}
find("[data-taken]").taken = () => ({ rows: rowsLit(), numbers: lit(), sheet: sheetOfMaps, ...mapsAsFigure() });
