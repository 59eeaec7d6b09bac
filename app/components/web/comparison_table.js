// The comparison table: a click on a number asks for what is behind it and marks it.
element.addEventListener("click", (event) => {
  const cell = event.target.closest("button.cell");
  if (!cell) return;
  element.querySelectorAll("button.chosen").forEach((other) => other.classList.remove("chosen"));
  cell.classList.add("chosen");
  trigger("select", { index: [Number(cell.dataset.row), cell.dataset.method] });
  if (innerWidth < 700) document.querySelector("#evidence").scrollIntoView({ behavior: "smooth" }); // or a tap seems to do nothing
});
