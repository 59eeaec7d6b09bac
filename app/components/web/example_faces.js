// A row of example faces as buttons: props.faces = [{src, alt}]; a click or Enter tells the server which one.
const row = element.querySelector(".faces");
row.replaceChildren(...props.faces.map(({ src, alt }, index) => {
  const button = document.createElement("button"), image = document.createElement("img");
  button.type = "button";
  image.src = src;
  image.alt = button.title = alt;
  button.append(image);
  button.addEventListener("click", () => {
    trigger("select", { index });
  });
  return button;
}));
