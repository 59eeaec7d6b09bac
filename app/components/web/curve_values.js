// Names the curves of the panel props.curves, and says what each is at the films' moment (event "moment" of the player).
const place = element.querySelector(".values");
let drawn = null, rows = [], now = 0;

function chart() {
  const found = document.querySelector(`#${props.curves} .plot`);
  return found && found.data && found._fullLayout ? found : null;
}

function build(found) {
  drawn = found.data;
  const groups = new Map();
  rows = found.data.map((trace, index) => {
    const button = document.createElement("button"), line = document.createElement("i"), value = document.createElement("output");
    button.type = "button";
    button.setAttribute("aria-pressed", true);
    line.style.background = trace.line.color;
    button.append(line, trace.name, value);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      Plotly.restyle(found, { visible: on }, [index]);
    });
    if (!groups.has(trace.legendgroup)) groups.set(trace.legendgroup, []);
    groups.get(trace.legendgroup).push(button);
    return value;
  });
  place.replaceChildren(...[...groups].map(([name, buttons]) => {
    const group = document.createElement("div"), bold = document.createElement("b");
    group.className = "group";
    bold.textContent = name;
    group.append(bold, ...buttons);
    return group;
  }));
}

function tell() {
  const found = chart();
  if (!found) return place.replaceChildren();
  if (found.data !== drawn) build(found);
  const times = found.data[0].x;
  let row = times.findIndex((time) => time >= now - 1e-3);
  if (row < 0) row = times.length - 1;
  rows.forEach((output, index) => {
    const value = found.data[index].y[row];
    output.textContent = value === null || value === undefined ? "–" : Math.abs(value) >= 10 ? value.toFixed(0) : value.toFixed(2);
  });
}

document.addEventListener("moment", ({ detail }) => {
  if (!element.isConnected || detail.curves !== props.curves) return;
  now = detail.second;
  tell();
});
