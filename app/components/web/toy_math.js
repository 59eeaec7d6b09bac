// The mathematics of the toy: a diffusion over points of a plane, as latentface/rdm.py has it over codes. T = 1000, linear betas
// 1e-4 .. 0.02, a network that predicts the clean point from noisy point, time and condition, squared error, DDIM with eta 0.
// As in latentface/prior.py the condition is left out of a share of the training, so that guidance can heed it more or less.
const T = 1000, FREQUENCIES = 6; // the slower ones; rdm.py has 32
const CAP = 5; // of the signal-to-noise ratio
const WAVES = [1.5, 3, 6]; // in which a place is read, besides as it is, so that fine shapes are learned in seconds
const INPUTS = 2 + 2 * FREQUENCIES + 4 * WAVES.length + 2; // place, time, waves, group
const LEFT_OUT = 0.2; // share of the training without its condition

/** alpha bar of every time: the share of the clean point in the noisy one's variance. */
function schedule() {
  const alphas = new Float64Array(T);
  for (let t = 0, product = 1; t < T; t++) alphas[t] = product *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / (T - 1));
  return alphas;
}
const ALPHAS = schedule();

/** Weight of a time in the loss: its signal-to-noise ratio, capped (min-SNR, Hang et al. 2023, equation 4). */
const weightOf = (time) => Math.min(ALPHAS[time] / (1 - ALPHAS[time]), CAP);

/** Numbers from 0 to 1 that a seed fixes (mulberry32), and normal ones (Box and Muller). */
function dice(seed) {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/** What the network reads: place, time as sines and cosines, the place as waves, one of two groups; group -1 is no condition. */
function inputOf(x, y, time, group) {
  const row = new Float64Array(INPUTS);
  let at = 0;
  for (const place of [x, y]) {
    row[at++] = place;
    for (const wave of WAVES) {
      row[at++] = Math.sin(wave * place);
      row[at++] = Math.cos(wave * place);
    }
  }
  for (let k = 0; k < FREQUENCIES; k++) {
    const angle = time * Math.exp((-Math.log(10_000) * (k + 2)) / (FREQUENCIES + 2));
    row[at++] = Math.sin(angle);
    row[at++] = Math.cos(angle);
  }
  if (group >= 0) row[at + group] = 1;
  return row;
}

/** A network of fully connected layers with SiLU between them; weights row by row, then biases. */
function makeNetwork(widths, seed) {
  const { normal } = dice(seed);
  return widths.slice(1).map((out, i) => {
    const inputs = widths[i], scale = Math.sqrt((i === widths.length - 2 ? 0.1 : 2) / inputs);
    return { inputs, out, weight: Float64Array.from({ length: out * inputs }, () => scale * normal()), bias: new Float64Array(out) };
  });
}

/** A sum of products, in four parts that the processor works on side by side. */
function product(weight, at, values, count) {
  let a = 0, b = 0, c = 0, d = 0, i = 0;
  for (; i + 3 < count; i += 4) {
    a += weight[at + i] * values[i];
    b += weight[at + i + 1] * values[i + 1];
    c += weight[at + i + 2] * values[i + 2];
    d += weight[at + i + 3] * values[i + 3];
  }
  for (; i < count; i++) a += weight[at + i] * values[i];
  return a + b + c + d;
}

/** Run one row through; what every layer was given and gave before SiLU is kept in `trace` for the way back. */
function forward(network, row, trace = null) {
  let values = row;
  network.forEach(({ inputs, out, weight, bias }, layer) => {
    const sums = new Float64Array(out), isLast = layer === network.length - 1, given = new Float64Array(out);
    for (let o = 0; o < out; o++) {
      const sum = bias[o] + product(weight, o * inputs, values, inputs);
      sums[o] = sum;
      given[o] = isLast ? sum : sum / (1 + Math.exp(-sum));
    }
    if (trace) trace[layer] = { values, sums };
    values = given;
  });
  return values;
}

/** Zeroed gradients in the form of a network. */
function gradientsOf(network) {
  return network.map(({ weight, bias }) => ({ weight: new Float64Array(weight.length), bias: new Float64Array(bias.length) }));
}

/** Backpropagation: add the gradient of one row's loss, given the loss's derivative by the output. */
function backward(network, trace, outward, gradients) {
  let above = outward;
  for (let layer = network.length - 1; layer >= 0; layer--) {
    const { inputs, out, weight } = network[layer], { values, sums } = trace[layer], { weight: gw, bias: gb } = gradients[layer];
    if (layer < network.length - 1)
      for (let o = 0; o < out; o++) {
        const s = 1 / (1 + Math.exp(-sums[o]));
        above[o] *= s * (1 + sums[o] * (1 - s));
      }
    const below = new Float64Array(inputs);
    for (let o = 0; o < out; o++) {
      const g = above[o], at = o * inputs;
      gb[o] += g;
      for (let i = 0; i < inputs; i++) gw[at + i] += g * values[i];
      if (layer) for (let i = 0; i < inputs; i++) below[i] += g * weight[at + i]; // nothing learns below the first layer
    }
    above = below;
  }
}

/** The clean point that a network guesses: the linear guess that is best for normal data, and what the network adds. */
function cleanGuess(network, x, y, time, group, trace = null) {
  const linear = Math.sqrt(ALPHAS[time]), reach = Math.sqrt(1 - ALPHAS[time]);
  const [dx, dy] = forward(network, inputOf(x, y, time, group), trace);
  return [linear * x + reach * dx, linear * y + reach * dy];
}

/** Mean squared error of the clean points over rows {x, y, time, group, clean}, weighted, and its gradients. */
function lossOf(network, rows) {
  const gradients = gradientsOf(network), trace = [];
  let loss = 0;
  for (const { x, y, time, group, clean } of rows) {
    const guess = cleanGuess(network, x, y, time, group, trace), outward = new Float64Array(2), share = weightOf(time) / rows.length;
    for (let k = 0; k < 2; k++) {
      loss += share * (guess[k] - clean[k]) ** 2;
      outward[k] = 2 * share * (guess[k] - clean[k]) * Math.sqrt(1 - ALPHAS[time]);
    }
    backward(network, trace, outward, gradients);
  }
  return { loss, gradients };
}

/** Adam (Kingma and Ba 2015): state and one step. */
function makeAdam(network) {
  const first = gradientsOf(network), second = gradientsOf(network);
  let count = 0;
  return (gradients, rate) => {
    count++;
    const one = 1 - 0.9 ** count, two = 1 - 0.999 ** count;
    network.forEach((layer, l) => {
      for (const name of ["weight", "bias"]) {
        const values = layer[name], g = gradients[l][name], m = first[l][name], v = second[l][name];
        for (let i = 0; i < values.length; i++) {
          m[i] += 0.1 * (g[i] - m[i]);
          v[i] += 0.001 * (g[i] * g[i] - v[i]);
          values[i] -= (rate * (m[i] / one)) / (Math.sqrt(v[i] / two) + 1e-8);
        }
      }
    });
  };
}

/** Scale points {x, y, group} to zero mean and unit variance, as codes are. */
function standardized(points) {
  const mean = [0, 1].map((k) => points.reduce((sum, p) => sum + (k ? p.y : p.x), 0) / points.length);
  const std = Math.max(1e-3, Math.sqrt(points.reduce((sum, p) => sum + (p.x - mean[0]) ** 2 + (p.y - mean[1]) ** 2, 0) / (2 * points.length)));
  const to = ([x, y]) => [(x - mean[0]) / std, (y - mean[1]) / std], back = ([x, y]) => [x * std + mean[0], y * std + mean[1]];
  return { rows: points.map(({ x, y, group }) => ({ clean: to([x, y]), group })), to, back, std };
}

/** A training: step(rate) takes one batch of noisy points and returns the loss. */
function makeTraining(points, seed = 1, width = 48, batch = 48) {
  const scaled = standardized(points), network = makeNetwork([INPUTS, width, width, width, 2], seed);
  const adam = makeAdam(network), { uniform, normal } = dice(seed + 1);
  const step = (rate) => {
    const rows = Array.from({ length: batch }, () => {
      const { clean, group } = scaled.rows[Math.floor(uniform() * scaled.rows.length)], time = Math.floor(uniform() * T);
      const a = Math.sqrt(ALPHAS[time]), b = Math.sqrt(1 - ALPHAS[time]);
      return { x: a * clean[0] + b * normal(), y: a * clean[1] + b * normal(), time, group: uniform() < LEFT_OUT ? -1 : group, clean };
    });
    const { loss, gradients } = lossOf(network, rows);
    adam(gradients, rate);
    return loss;
  };
  return { network, scaled, step };
}

/** The clean point that the network guesses; guidance 0 takes no heed of the group, 1 heeds it, more exaggerates it. */
function guessed(network, x, y, time, group, guidance) {
  const free = cleanGuess(network, x, y, time, -1);
  if (group < 0 || !guidance) return free;
  const told = cleanGuess(network, x, y, time, group);
  return free.map((value, k) => value + guidance * (told[k] - value));
}

/** Times of so many DDIM steps, from much noise to none ("leading" spacing, as diffusers has it). */
function timesOf(steps) {
  return Array.from({ length: steps }, (_, k) => (steps - 1 - k) * Math.floor(T / steps));
}

/** Walks from noise to points by DDIM with eta 0: for every point its places, standardised, steps + 1 of them. */
function walks(network, count, steps, group, guidance, seed) {
  const { normal } = dice(seed), times = timesOf(steps);
  return Array.from({ length: count }, () => {
    const way = [[normal(), normal()]];
    times.forEach((time, k) => {
      const [x, y] = way[k], clean = guessed(network, x, y, time, group, guidance);
      const now = ALPHAS[time], next = k + 1 < steps ? ALPHAS[times[k + 1]] : 1;
      way.push([x, y].map((value, i) => {
        const noise = (value - Math.sqrt(now) * clean[i]) / Math.sqrt(1 - now);
        return Math.sqrt(next) * clean[i] + Math.sqrt(1 - next) * noise;
      }));
    });
    return way;
  });
}

/** Points to begin with: x and y within about [-0.7, 0.7], y downwards; two colours each. */
function preset(name, seed = 3) {
  const { uniform, normal } = dice(seed), points = [];
  const arc = (count, cx, cy, rx, ry, from, to, group, blur = 0.018) => {
    for (let k = 0; k < count; k++) {
      const angle = from + (to - from) * uniform();
      points.push({ x: cx + rx * Math.cos(angle) + blur * normal(), y: cy + ry * Math.sin(angle) + blur * normal(), group });
    }
  };
  if (name === "moons") {
    arc(160, -0.17, 0.1, 0.42, 0.42, -Math.PI, 0, 0);
    arc(160, 0.17, -0.1, 0.42, 0.42, 0, Math.PI, 1);
  } else if (name === "ring") {
    arc(240, 0, 0, 0.58, 0.58, 0, 2 * Math.PI, 0);
    arc(80, 0, 0, 0.12, 0.12, 0, 2 * Math.PI, 1, 0.03);
  } else {
    arc(170, 0, 0, 0.62, 0.62, 0, 2 * Math.PI, 0);
    arc(75, 0, 0.06, 0.34, 0.3, 0.15 * Math.PI, 0.85 * Math.PI, 1);
    arc(40, -0.22, -0.2, 0.05, 0.08, 0, 2 * Math.PI, 1);
    arc(40, 0.22, -0.2, 0.05, 0.08, 0, 2 * Math.PI, 1);
  }
  return points;
}

/** Mean distance from places to the nearest of the points. */
function distance(places, points) {
  const nearest = ([x, y]) => Math.min(...points.map((p) => Math.hypot(p.x - x, p.y - y)));
  return places.reduce((sum, place) => sum + nearest(place), 0) / places.length;
}
