// (scope) => what is wrong within a part of the page: controls and pictures without a name, and words of too little contrast.
(scope) => {
  const shown = (one) => one.checkVisibility() && !one.closest("[aria-hidden=true]");
  const nameless = [...document.querySelectorAll("button, a[href], input, select, [role=dialog], img")].filter((one) => {
    if (!shown(one) || !one.closest(scope)) return false;
    const labels = [...(one.labels ?? [])].map((label) => label.textContent).join("");
    const named = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
    const own = one.tagName === "IMG" ? one.getAttribute("alt") === null ? "" : "an image" : one.textContent;
    return !(own + labels + named + (one.getAttribute("aria-label") ?? "") + (one.title ?? "")).trim();
  }).map((one) => `no name: ${one.outerHTML.slice(0, 120)}`);

  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * (255 - top[3])) / 255);
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (one) => {
    const stack = [];
    for (let at = one; at; at = at.parentElement) stack.push(parsed(getComputedStyle(at).backgroundColor));
    return stack.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
  };
  const pale = [], walk = document.createTreeWalker(document.querySelector(scope), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement, words = walk.currentNode.data.trim();
    if (!words || !one.checkVisibility() || one.closest("[aria-disabled=true], style, script, .unseen")) continue;
    const style = getComputedStyle(one), below = ground(one), size = parseFloat(style.fontSize);
    const [low, high] = [light(over(parsed(style.color), below)), light(below)].sort((a, b) => a - b);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700); // WCAG: 3 to 1 is enough for these
    if ((high + 0.05) / (low + 0.05) < (isLarge ? 3 : 4.5)) pale.push(`${((high + 0.05) / (low + 0.05)).toFixed(2)} to 1: ${words.slice(0, 60)}`);
  }
  return [...nameless, ...pale];
}
