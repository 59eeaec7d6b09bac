// Hands over what #props.source shows, a plotly panel or a table, as a file made in the browser; props.value = {name, caption} says where it comes from.
const group = element.querySelector(".export");
const source = () => document.getElementById(props.source);
const plot = () => source()?.querySelector(".plot");
const table = () => source()?.querySelector("table");

for (const button of group.querySelectorAll("button")) {
  button.hidden = !props.chart && !["csv", "json"].includes(button.dataset.kind);
  button.addEventListener("click", () => take(button.dataset.kind));
}

function match() { // where there is no chart there is nothing to take
  group.hidden = props.chart && Boolean(plot()?.hidden);
}
new MutationObserver(match).observe(source() ?? document.body, { subtree: true, attributeFilter: ["hidden"] });
match();

function list(value) { // plotly packs columns of numbers into typed arrays
  return value && typeof value === "object" && typeof value.length === "number" ? Array.from(value, (one) => (ArrayBuffer.isView(one) ? Array.from(one) : one)) : value;
}

function rowsOfPlot() { // one row a mark: trace, x, y and, of heat maps, value
  const rows = [["trace", "x", "y", "value"]];
  plot().data.forEach((trace, number) => {
    const name = trace.name ?? number, x = list(trace.x) ?? [], y = list(trace.y) ?? [];
    if (trace.type !== "heatmap") return x.forEach((at, i) => rows.push([name, at, y[i], ""]));
    const z = list(trace.z);
    y.forEach((row, i) => x.forEach((column, j) => { if (z[i][j] != null) rows.push([name, column, row, list(trace.customdata)?.[i]?.[j] ?? z[i][j]]); }));
  });
  return rows;
}

const rowsOfTable = () => Array.from(table().rows, (row) => Array.from(row.cells, (cell) => cell.innerText.replace(/\s+/g, " ").trim()));

function csv(rows) {
  const quoted = (cell) => { // a cell that a spreadsheet would take for a formula is text
    const text = String(cell ?? ""), safe = typeof cell === "string" && /^[=@+\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [`# ${props.value.caption.replace(/\s+/g, " ")}`, ...rows.map((row) => row.map(quoted).join(","))].join("\n") + "\n";
}

function save(address, ending) {
  const link = document.createElement("a");
  link.href = address;
  link.download = `${props.value.name}.${ending}`;
  link.click();
}

function saveText(text, ending, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  save(address, ending);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function figure() { // what is drawn now, the colours of the page in it, with its caption below
  const { data, layout } = plot(), style = getComputedStyle(document.body), ground = style.getPropertyValue("--body-background-fill").trim();
  const width = Math.max(640, plot().offsetWidth), letters = Math.floor(width / 6.2);
  const lines = (props.value.caption.match(new RegExp(`.{1,${letters}}(\\s|$)`, "g")) ?? []).map((line) => line.trim());
  const margin = { ...layout.margin, b: (layout.margin?.b ?? 40) + 24 + 15 * lines.length }, height = (plot().offsetHeight || 400) + 24 + 15 * lines.length;
  const note = {
    text: lines.join("<br>"), x: 0, xref: "paper", xanchor: "left", y: 0, yref: "paper", yanchor: "top",
    yshift: -(layout.margin?.b ?? 40) - 8, showarrow: false, align: "left", font: { size: 11 },
  };
  return { data, layout: { ...layout, autosize: false, width, height, margin, paper_bgcolor: ground, plot_bgcolor: ground, annotations: [...(layout.annotations ?? []), note] } };
}

async function take(kind) {
  if (kind === "csv" || kind === "json") {
    if (!(props.chart ? plot()?.data : table())) return;
    const rows = props.chart ? rowsOfPlot() : rowsOfTable();
    if (kind === "csv") return saveText(csv(rows), "csv", "text/csv");
    const [head, ...rest] = rows;
    const named = rest.map((row) => Object.fromEntries(row.map((cell, i) => [head[i], cell])));
    return saveText(JSON.stringify({ caption: props.value.caption, rows: named }, null, 1), "json", "application/json");
  }
  if (!plot()?.data) return;
  const { data, layout } = figure();
  if (kind === "plotly") { // plotly.io.from_json reads it
    return saveText(JSON.stringify({ data, layout }, (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)), "plotly.json", "application/json");
  }
  save(await Plotly.toImage({ data, layout }, { format: kind, width: layout.width, height: layout.height, scale: kind === "png" ? 2 : 1 }), kind);
}
