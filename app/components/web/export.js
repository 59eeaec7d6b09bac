// Hands over what #props.source shows as files made in the browser: a plotly panel, a table, or a part that tells it itself by `taken` on [data-taken].
// props.value = {name, caption, figure}: the files' stem, where it comes from, and, where the source has no chart of its own, its figure for plotly.
const group = element.querySelector(".export");
const source = () => document.getElementById(props.source);
const plot = () => source()?.querySelector(".plot");

for (const button of group.querySelectorAll("button")) {
  const { kind } = button.dataset;
  button.hidden = kind === "npz" ? !props.codes : !props.chart && !["csv", "json"].includes(kind);
  button.addEventListener("click", () => take(kind));
}

function match() { // where there is no chart there is nothing to take
  group.hidden = props.chart && Boolean(plot()?.hidden);
}
new MutationObserver(match).observe(source() ?? document.body, { subtree: true, attributeFilter: ["hidden"] });
match();

const KINDS = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array };
function list(value) { // plotly packs columns of numbers into base64 or typed arrays
  if (value?.bdata) {
    const bytes = Uint8Array.from(atob(value.bdata), (letter) => letter.charCodeAt(0)), flat = Array.from(new KINDS[value.dtype](bytes.buffer));
    const [, wide] = String(value.shape ?? "").split(",").map(Number);
    return wide ? Array.from({ length: flat.length / wide }, (_, row) => flat.slice(row * wide, (row + 1) * wide)) : flat;
  }
  return value && typeof value === "object" && typeof value.length === "number" ? Array.from(value, (one) => (ArrayBuffer.isView(one) ? Array.from(one) : one)) : value;
}

function rowsOf(data) { // one row a mark: trace, x, y and, of heat maps, value; z in space
  const solid = data.some((trace) => trace.type === "scatter3d"), rows = [["trace", "x", "y", solid ? "z" : "value"]];
  data.forEach((trace, number) => {
    const name = trace.name ?? number, x = list(trace.x) ?? [], y = list(trace.y) ?? [], z = list(trace.z);
    if (trace.type !== "heatmap") return x.forEach((at, i) => rows.push([name, at, y[i], solid ? z[i] : ""]));
    y.forEach((row, i) => x.forEach((column, j) => { if (z[i][j] != null && !Number.isNaN(z[i][j])) rows.push([name, column, row, list(trace.customdata)?.[i]?.[j] ?? z[i][j]]); }));
  });
  return rows;
}

// files are in English whatever the page's language, so that programs read them
const wordsOf = (cell) => (window.pageLanguage && window.pageLanguage.now !== "en" ? window.pageLanguage.english(cell) : cell.innerText);
const rowsOfTable = (table) => Array.from(table.rows, (row) => Array.from(row.cells, (cell) => wordsOf(cell).replace(/\s+/g, " ").trim()));

function content() { // {rows, data, layout, sheet, numbers}; nothing where there is nothing to take
  const own = source()?.querySelector("[data-taken]")?.taken?.(), table = source()?.querySelector("table"), drawn = plot();
  if (own) return { rows: own.rows ?? rowsOf(own.data), ...own };
  if (props.value.figure) {
    const { data, layout } = coloured(props.value.figure, getComputedStyle(document.body));
    return { rows: rowsOf(data), data, layout };
  }
  if (!props.chart) return table && { rows: rowsOfTable(table) };
  return drawn?.data && { rows: rowsOf(drawn.data), data: drawn.data, layout: { ...drawn.layout, width: drawn.offsetWidth, height: drawn.offsetHeight || 400 } };
}

function csv(rows) {
  const quoted = (cell) => { // a cell that a spreadsheet would take for a formula is text
    const text = String(cell ?? ""), safe = typeof cell === "string" && /^([=@+\t\r]|-(?!\d[\d.,]*\s?[%°]?$))/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [quoted(`# ${props.value.caption.replace(/\s+/g, " ")}`), ...rows.map((row) => row.map(quoted).join(","))].join("\n") + "\n";
}

function save(address, ending) {
  const link = document.createElement("a");
  link.href = address;
  link.download = `${props.value.name}.${ending}`;
  link.click();
}

function saveBlob(blob, ending) {
  const address = URL.createObjectURL(blob);
  save(address, ending);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
const saveText = (text, ending, type) => saveBlob(new Blob([text], { type }), ending);

function captioned({ data, layout }) { // the figure in the colours of the page, with its caption below
  const ground = getComputedStyle(document.body).getPropertyValue("--body-background-fill").trim();
  const width = Math.max(640, layout.width ?? 0), letters = Math.floor((width - 16) / 6.4);
  const lines = (props.value.caption.match(new RegExp(`.{1,${letters}}(\\s|$)`, "g")) ?? []).map((line) => line.trim());
  const room = 24 + 15 * lines.length, below = layout.margin?.b ?? 40;
  const note = {
    text: lines.join("<br>"), x: 0, xref: "paper", xanchor: "left", y: 0, yref: "paper", yanchor: "top",
    xshift: 8 - (layout.margin?.l ?? 80), yshift: -below - 8, showarrow: false, align: "left", font: { size: 11 },
  };
  const margin = { ...layout.margin, b: below + room }, height = (layout.height ?? 400) + room;
  return { data, layout: { ...layout, autosize: false, width, height, margin, paper_bgcolor: ground, plot_bgcolor: ground, annotations: [...(layout.annotations ?? []), note] } };
}

function drawer() { // plotly.js, fetched from this server where no chart of the page has yet
  return window.Plotly ?? new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: props.script, onload: () => done(window.Plotly), onerror: failed });
    document.head.append(script);
  });
}

async function take(kind) {
  const found = content();
  if (!found) return;
  if (kind === "npz") return trigger("codes", { rows: found.numbers });
  if (kind === "csv") return saveText(csv(found.rows), "csv", "text/csv");
  if (kind === "json") {
    const [head, ...rest] = found.rows;
    const named = rest.map((row) => Object.fromEntries(row.map((cell, i) => [head[i], cell])));
    return saveText(JSON.stringify({ caption: props.value.caption, rows: named }, null, 1), "json", "application/json");
  }
  if (kind === "png" && found.sheet) return found.sheet(props.value.caption).toBlob((blob) => saveBlob(blob, "png"));
  const { data, layout } = captioned(found);
  if (kind === "plotly") { // plotly.io.from_json reads it
    return saveText(JSON.stringify({ data, layout }, (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)), "plotly.json", "application/json");
  }
  save(await (await drawer()).toImage({ data, layout }, { format: kind, width: layout.width, height: layout.height, scale: kind === "png" ? 2 : 1 }), kind);
}
