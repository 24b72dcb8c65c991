// Reads a drawing: pure functions of arrays, without the page. reader/reading/digits.py does the same with photos, and
// explains the steps and their constants; stages/contracts/reader.py states how the network is asked. Tests compare them.

const SIDE = 28; // pixels of the network's image

// Returns the layers of a network, { kernel, bias } each: a kernel is (inputs, outputs), row after row.
// weights: all of them one after the other, float16, little-endian as every machine with a browser, in base64.
function decodeLayers({ sizes, weights }) {
  const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
  const values = Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber);
  let offset = 0;
  const take = (count) => values.subarray(offset, (offset += count));
  return sizes.slice(1).map((outputs, i) => ({ kernel: take(sizes[i] * outputs), bias: take(outputs) }));
}

function halfToNumber(bits) {
  const exponent = (bits >> 10) & 31, fraction = (bits & 1023) / 1024;
  return (bits & 0x8000 ? -1 : 1) * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
}

function dense(input, { kernel, bias }) {
  const sums = Float64Array.from(bias);
  input.forEach((value, row) => {
    if (value === 0) return; // most pixels are paper, and ReLU leaves many zeros
    const start = row * sums.length;
    for (let column = 0; column < sums.length; column++) sums[column] += value * kernel[start + column];
  });
  return sums;
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest)); // the largest is 1: no overflow
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

// Returns the probability of each output, for an image of 784 numbers in [0, 1], row after row, 1 is ink.
function predict(layers, image) {
  const hidden = layers.slice(0, -1);
  const features = hidden.reduce((input, layer) => dense(input, layer).map((sum) => Math.max(sum, 0)), image);
  return softmax(dense(features, layers.at(-1)));
}

function move(image, [rows, columns]) {
  return image.map((_, i) => {
    const y = Math.floor(i / SIDE) - rows, x = (i % SIDE) - columns;
    return y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : image[y * SIDE + x];
  });
}

// Returns the answer to a digit that findDigits found: the likeliest digit, its probability, whether it is sure, and the
// probabilities of all outputs, averaged over places a pixel apart; the last output is "not a digit".
function read({ layers, places, threshold }, { image, single }) {
  const looks = places.map((place) => predict(layers, move(image, place)));
  const probabilities = Array.from(looks[0], (_, i) => looks.reduce((sum, look) => sum + look[i], 0) / looks.length);
  const confidence = Math.max(...probabilities.slice(0, -1)), digit = probabilities.indexOf(confidence);
  return { image, digit, confidence, sure: single && Number(confidence.toFixed(6)) >= threshold, probabilities };
}

// Returns the digits of a drawing in reading order: image, 784 numbers in [0, 1], and whether its shape is of one digit.
// ink: width * height numbers, row after row, 0 is paper and 1 is ink.
function findDigits(ink, width, height) {
  const { labels, boxes } = label(Array.from(ink, (value) => value > 0), width, height);
  return inReadingOrder(joinParts(boxes)).map((box) => {
    const w = box.right - box.left, h = box.bottom - box.top;
    const part = Array.from({ length: w * h }, (_, i) => {
      const from = (box.top + Math.floor(i / w)) * width + box.left + (i % w);
      return box.labels.includes(labels[from]) ? ink[from] : 0;
    });
    return { image: fit(part, w, h), single: isSingle(part.map((value) => value > 0.5), w, h) };
  });
}

// Returns the connected components of a mask: labels from 1 in the order of their first pixels, and their boxes.
function label(mask, width, height, diagonal = true) {
  const labels = new Int32Array(mask.length), boxes = [];
  const neighbours = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy])).filter(
    ([dx, dy]) => (dx || dy) && (diagonal || !dx || !dy));
  mask.forEach((is, first) => {
    if (!is || labels[first]) return;
    const number = boxes.length + 1, stack = [first];
    const box = { top: height, bottom: 0, left: width, right: 0, labels: [number] };
    boxes.push(box);
    labels[first] = number;
    while (stack.length) {
      const i = stack.pop(), x = i % width, y = Math.floor(i / width);
      Object.assign(box, extend(box, { top: y, bottom: y + 1, left: x, right: x + 1 }));
      for (const [dx, dy] of neighbours) {
        const j = i + dy * width + dx;
        if (x + dx < 0 || x + dx >= width || !mask[j] || labels[j]) continue;
        labels[j] = number;
        stack.push(j);
      }
    }
  });
  return { labels, boxes };
}

function extend(box, other) {
  return {
    top: Math.min(box.top, other.top), bottom: Math.max(box.bottom, other.bottom),
    left: Math.min(box.left, other.left), right: Math.max(box.right, other.right),
  };
}

// Joins the parts of broken digits, the largest first, and drops specks and hyphens.
function joinParts(boxes) {
  const SMALLEST = 6, SPECK = 0.25, LEAST = 0.35, TALL = 0.6, GAP = 0.25, FLAT = 0.35;
  const height = (box) => box.bottom - box.top, width = (box) => box.right - box.left;
  const size = (box) => Math.max(height(box), width(box));
  const tallest = Math.max(0, ...boxes.map(height)), whole = [];
  const large = (box) => size(box) >= Math.max(LEAST * tallest, SMALLEST);
  const isHyphen = (box) =>
    width(box) > 1.5 * height(box) && (height(box) < FLAT * tallest || width(box) > 4 * height(box));

  // The pixels between two boxes, in the direction in which there are more.
  function distance(one, other) {
    const across = Math.max(one.left, other.left) - Math.min(one.right, other.right);
    return Math.max(across, Math.max(one.top, other.top) - Math.min(one.bottom, other.bottom), 0);
  }

  function belongs(part, box) {
    const overlap = Math.min(part.right, box.right) - Math.max(part.left, box.left);
    const stacked = overlap >= 0.3 * Math.min(width(part), width(box)), small = size(part) < SPECK * tallest;
    const within = stacked ? GAP : GAP / 2;
    return height(part) < TALL * tallest && (stacked || small) && distance(part, box) <= within * tallest;
  }

  for (const part of [...boxes].sort((a, b) => size(b) - size(a))) {
    const near = whole.filter((box) => belongs(part, box));
    if (near.length) {
      const closest = near.reduce((a, b) => (distance(part, b) < distance(part, a) ? b : a));
      Object.assign(closest, extend(closest, part), { labels: [...closest.labels, ...part.labels] });
    } else if (large(part)) whole.push({ ...part });
  }
  return whole.filter((box) => large(box) && !isHyphen(box));
}

// Lines from the top, each from left to right; a line ends where a box begins below all of it.
function inReadingOrder(boxes) {
  const lines = [];
  for (const box of [...boxes].sort((a, b) => a.top - b.top)) {
    if (!lines.length || box.top >= Math.max(...lines.at(-1).map((other) => other.bottom))) lines.push([]);
    lines.at(-1).push(box);
  }
  return lines.flatMap((line) => line.sort((a, b) => a.left - b.left));
}

// Whether a mask is shaped like one digit: neither broad nor solid, without many holes or long outlines.
function isSingle(mask, width, height) {
  const BROAD = 1.5, SOLID = 0.75, HOLES = 2, LONG = 4.3;
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x];
  let ink = 0, edges = 0;
  const outside = []; // the paper, with a margin
  for (let y = -1; y <= height; y++) {
    for (let x = -1; x <= width; x++) {
      ink += at(x, y);
      edges += (at(x, y) !== at(x - 1, y)) + (at(x, y) !== at(x, y - 1));
      outside.push(!at(x, y));
    }
  }
  const { labels, boxes } = label(outside, width + 2, height + 2, false), sizes = new Array(boxes.length + 1).fill(0);
  for (const number of labels) sizes[number]++;
  const holes = sizes.slice(2).filter((pixels) => pixels >= 0.002 * width * height).length; // 0 is ink, 1 all around it
  const solid = ink > SOLID * width * height && width > height / 2;
  return width <= BROAD * height && !solid && edges <= 2 * LONG * Math.max(width, height) && holes <= HOLES;
}

// Returns ink, which touches all four sides, as 28x28 pixels in [0, 1]: scaled to fit 20x20, its centre of mass in the
// middle, the darkest pixel 1.
function fit(ink, width, height) {
  const FIT = 20, CENTRE = 14, TIE = 1e-6;
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const scaled = (side) => Math.max(1, Math.floor((side * FIT) / Math.max(width, height) + 0.5));

  // The averages over n equal parts of a line.
  function average(line, n) {
    const part = line.length / n, share = (i, j) => Math.min((i + 1) * part, j + 1) - Math.max(i * part, j);
    return Array.from({ length: n }, (_, i) => sum(line.map((value, j) => value * Math.max(share(i, j), 0))) / part);
  }

  function corner(mass) {
    const centre = sum(mass.map((value, i) => value * i)) / sum(mass);
    return Math.min(Math.max(Math.ceil(CENTRE - 0.5 - centre - TIE), 0), SIDE - mass.length);
  }

  const lines = Array.from({ length: height }, (_, y) => average(ink.slice(y * width, (y + 1) * width), scaled(width)));
  const columns = lines[0].map((_, x) => average(lines.map((line) => line[x]), scaled(height)));
  const rows = columns[0].map((_, y) => columns.map((column) => column[y]));
  const left = corner(columns.map(sum)), top = corner(rows.map(sum)), peak = Math.max(...rows.flat());
  const image = new Float32Array(SIDE * SIDE);
  rows.forEach((row, y) => row.forEach((value, x) => { image[(top + y) * SIDE + left + x] = value / peak; }));
  return image;
}
