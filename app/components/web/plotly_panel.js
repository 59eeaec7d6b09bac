// Draws props.value, a plotly figure or null, in the page's colours; a click tells the server which mark it was.
const plot = element.querySelector(".plot");

async function draw() {
  const figure = props.value;
  plot.hidden = !figure;
  if (!figure) {
    delete plot.dataset.listens;
    return Plotly.purge(plot);
  }
  const style = getComputedStyle(element), { data, layout } = coloured(figure, style);
  layout.font.family = style.fontFamily;
  plot.setAttribute("aria-label", (layout.title && layout.title.text) || layout.meta || "Chart");
  await Plotly.react(plot, data, layout, { responsive: true, displayModeBar: false });
  if (plot.dataset.listens) return;
  plot.dataset.listens = "yes";
  plot.on("plotly_click", ({ points: [point] }) => {
    trigger("select", { index: [point.curveNumber, point.pointNumber].flat() });
  });
}

watch("value", draw);
new MutationObserver(draw).observe(document.body, { attributeFilter: ["class"] }); // gradio marks the dark theme there
new ResizeObserver(() => { if (plot.offsetWidth && plot.data) Plotly.Plots.resize(plot); }).observe(plot);
draw();
