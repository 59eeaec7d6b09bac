// A picture from either face and either pose. data = {inputs: [photo, mirror image], results, targets: [4 src], errors}
function quadPart(box, { inputs, results, targets, errors }) {
  const state = { face: 0, pose: 0 }, choices = {};
  const result = pane({ src: results[0], label: "Drawn" }, "half"), target = pane({ src: targets[0], label: "Ought to be" }, "half");
  const show = (face, pose) => {
    Object.assign(state, { face, pose });
    const i = 2 * face + pose;
    for (const [name, group] of Object.entries(choices)) group.querySelectorAll("input").forEach((input, k) => { input.checked = k === state[name]; });
    result.image.src = results[i];
    target.image.src = targets[i];
    result.image.alt = `Drawn from the face of ${inputs[face].label} and the pose of ${inputs[pose].label}`;
    result.figure.querySelector("figcaption").textContent = `Drawn: face of ${inputs[face].label}, pose of ${inputs[pose].label}`;
    target.figure.querySelector("figcaption").textContent = `Ought to be; they differ by ${errors[i].toFixed(3)}`;
  };
  for (const name of ["face", "pose"]) {
    const group = (choices[name] = make("div", { className: "choice pictures" }, make("b", { textContent: `${name} of` })));
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", `Whose ${name}`);
    inputs.forEach(({ src, label }, k) => {
      const input = make("input", { type: "radio", name: `how-${name}` });
      input.addEventListener("change", () => { play.stop(); show(name === "face" ? k : state.face, name === "pose" ? k : state.pose); });
      group.append(make("label", {}, input, make("span", {}, make("img", { src, alt: label }))));
    });
  }
  const play = motion(10, (share) => { const k = share < 1 ? Math.floor(share * 8) % 4 : 0; show(k >> 1, k & 1); });
  box.append(make("div", { className: "recipe" }, choices.face, make("b", { className: "plus", textContent: "+" }), choices.pose), make("div", { className: "panes" }, result.figure, target.figure), make("div", { className: "bar" }, play.button));
  show(0, 0);
  play.first();
  return { stop: play.stop };
}
