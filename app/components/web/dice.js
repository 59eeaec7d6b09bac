// Ends of other walks: props.value = [{picture}]; a click is select <number>.
function draw() {
  element.querySelector(".row").replaceChildren(...(props.value || []).map(({ picture }, index) => {
    const button = document.createElement("button"), image = new Image();
    button.type = "button";
    button.title = `Watch how face ${index + 1} comes about`;
    image.src = picture;
    image.alt = `Face ${index + 1} from noise`;
    button.append(image);
    button.addEventListener("click", () => trigger("select", { index }));
    return button;
  }));
}
watch("value", draw);
draw();
