// How alike pictures are, as a table: bright is alike, the row's brightest is framed. data = {rows, columns: [{src, label}], values}
function matrixPart(box, { rows, columns, values }) {
  const table = make("table", { className: columns.length < 4 ? "alike few" : "alike" }), flat = values.flat(), low = Math.min(...flat, 0), high = Math.max(...flat);
  const picture = ({ src, label }) => make("th", {}, make("img", { src, alt: label, title: label }));
  const readout = make("p", { className: "readout" });
  table.append(make("tr", {}, make("td", {}), ...columns.map(picture)));
  const cells = values.map((line, i) => line.map((value, j) => {
    const cell = make("td", { textContent: value.toFixed(2), className: value === Math.max(...line) ? "best" : "" }), [r, g, b] = heatOf((value - low) / (high - low || 1));
    cell.style.background = `rgb(${r} ${g} ${b})`;
    cell.style.color = r + g + b > 380 ? "#111" : "#fff";
    cell.addEventListener("pointerenter", () => { play.stop(); point(i, j); });
    cell.addEventListener("pointerdown", () => { play.stop(); point(i, j); });
    return cell;
  }));
  rows.forEach((row, i) => table.append(make("tr", {}, picture(row), ...cells[i])));
  const point = (i, j) => {
    table.querySelectorAll(".on").forEach((one) => one.classList.remove("on"));
    for (const one of [cells[i][j], table.rows[0].cells[j + 1], table.rows[i + 1].cells[0]]) one.classList.add("on");
    readout.textContent = `${rows[i].label}, and ${columns[j].label}: ${values[i][j].toFixed(2)}`;
  };
  const count = rows.length * columns.length;
  const play = motion(Math.min(10, 1.2 * count), (share) => { const k = Math.min(count - 1, Math.floor(share * count)); point(Math.floor(k / columns.length), k % columns.length); });
  box.append(table, readout, make("div", { className: "bar" }, play.button));
  point(0, 0);
  play.first();
  return { stop: play.stop };
}
