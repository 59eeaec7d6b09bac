// People's pictures where their codes lie, which gather in each one's mean. data = {people: [{frames: [{src, at}], mean: {src, at}}]}
function cloudPart(box, { people }) {
  const plane = make("div", { className: "cloud" });
  const spot = (one, [x, y]) => { one.style.left = `${50 + 42 * x}%`; one.style.top = `${50 - 42 * y}%`; };
  const all = people.map(({ frames, mean }, i) => {
    const middle = make("img", { src: mean.src, alt: `Person ${i + 1}: the mean of the codes, drawn`, className: "mean" });
    const own = frames.map(({ src }, k) => make("img", { src, alt: `Person ${i + 1}, picture ${k + 1}` }));
    for (const one of [...own, middle]) one.style.setProperty("--hue", (i * 360) / people.length);
    spot(middle, mean.at);
    plane.append(...own, middle);
    return { own, frames, mean };
  });
  let together = null;
  const gather = (now) => {
    if (now === together) return;
    together = now;
    plane.classList.toggle("together", now);
    button.textContent = now ? "Spread the pictures" : "Gather each person's pictures";
    button.setAttribute("aria-pressed", now);
    for (const { own, frames, mean } of all) own.forEach((one, k) => spot(one, now ? mean.at : frames[k].at));
  };
  const button = make("button", { type: "button" });
  button.addEventListener("click", () => { play.stop(); gather(!together); });
  const play = motion(9, (share) => gather((share > 0.25 && share < 0.6) || share > 0.85));
  box.append(make("figure", { className: "pane main wide" }, plane, make("figcaption", { textContent: "Near is alike. Each ring's colour is one person; the large faces are their means, drawn." })), make("div", { className: "bar" }, play.button, button));
  gather(false);
  play.first();
  return { stop: play.stop };
}
