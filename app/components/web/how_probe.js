// Two pictures and where each place of the right one is looked up in the left one; first the turn is played.
// data = {left, right: {src, label}, map: [[x, y] of side x side places], side, start: [u, v], turning: [src]}
function probePart(box, data) {
  const { map, side, turning } = data, left = pane(data.left, "half"), right = pane(data.right, "half");
  const mark = [dot(left.box), dot(right.box)], over = make("img", { className: "over", alt: "", draggable: false });
  right.box.append(over);
  let at = data.start;
  const looked = ([u, v]) => { // between the four nearest places
    const x = ((u + 1) / 2) * (side - 1), y = ((v + 1) / 2) * (side - 1), i = Math.min(Math.floor(x), side - 2), j = Math.min(Math.floor(y), side - 2);
    const place = (di, dj) => map[(j + dj) * side + i + di];
    return [0, 1].map((k) => (1 - (y - j)) * ((1 - (x - i)) * place(0, 0)[k] + (x - i) * place(1, 0)[k]) + (y - j) * ((1 - (x - i)) * place(0, 1)[k] + (x - i) * place(1, 1)[k]));
  };
  const show = (place) => { at = place; mark[0](looked(at)); mark[1](at); };
  const nearest = (wanted) => {
    let best = 0, least = Infinity;
    map.forEach((one, i) => { const d = Math.hypot(one[0] - wanted[0], one[1] - wanted[1]); if (d < least) [best, least] = [i, d]; });
    return [(2 * (best % side)) / (side - 1) - 1, (2 * Math.floor(best / side)) / (side - 1) - 1];
  };
  const play = motion(11, (share, seconds) => {
    const turn = clamp(seconds / 3, 0, 1) * (turning.length - 1), low = Math.min(Math.floor(turn), turning.length - 2);
    over.hidden = turn >= turning.length - 1;
    if (!over.hidden) over.src = turning[Math.round(low + ease(turn - low))];
    const t = Math.max(0, seconds - 3);
    show(share < 1 ? [data.start[0] + 0.75 * ease(t) * Math.sin(0.9 * t) , data.start[1] - 0.45 * ease(t) * Math.sin(1.3 * t)].map((one) => clamp(one, -0.9, 0.9)) : data.start);
  });
  over.hidden = true;
  const rest = () => { play.stop(); over.hidden = true; };
  pointed(right.box, (place) => { rest(); show(place); });
  pointed(left.box, (place) => { rest(); show(nearest(place)); });
  keyed(right.box, "A point of the frontal face: arrow keys move it", () => at, (place) => { rest(); show(place); });
  box.append(make("div", { className: "panes" }, left.figure, right.figure), make("div", { className: "bar" }, play.button));
  show(at);
  play.first();
  return { stop: play.stop };
}
