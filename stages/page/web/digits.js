// The digits of what is drawn: the twin of tools/reading/digits.py, which explains the steps, without its search for lines
// of the paper. Tests hold the two to the same result.

// Returns [{image, box, single}] in reading order: 28x28 pixels in [0, 1], where it is, and whether its shape is of a digit.
// grey: width * height numbers, row by row, from 0 (black) to 255 (white), ink of either polarity.
function findDigits(grey, width, height) {
  const SMALLEST = 6, SPECK = 0.25, LEAST = 0.35, TALL = 0.6, GAP = 0.25, FLAT = 0.35;
  const BROAD = 1.5, SOLID = 0.75, HOLES = 2, LONG = 4.3;

  const size = (box) => Math.max(box.bottom - box.top, box.right - box.left);

  function join(one, other) {
    return {
      top: Math.min(one.top, other.top), bottom: Math.max(one.bottom, other.bottom),
      left: Math.min(one.left, other.left), right: Math.max(one.right, other.right),
      labels: [...one.labels, ...other.labels],
    };
  }

  // The pixels between two boxes, in the direction in which there are more.
  function distance(one, other) {
    const across = Math.max(one.left, other.left) - Math.min(one.right, other.right);
    return Math.max(across, Math.max(one.top, other.top) - Math.min(one.bottom, other.bottom), 0);
  }

  function belongs(part, box, tallest) {
    const overlap = Math.min(part.right, box.right) - Math.max(part.left, box.left);
    const stacked = overlap >= 0.3 * Math.min(part.right - part.left, box.right - box.left);
    const within = stacked ? GAP : GAP / 2, small = size(part) < SPECK * tallest;
    return part.bottom - part.top < TALL * tallest && (stacked || small) && distance(part, box) <= within * tallest;
  }

  function isHyphen(box, tallest) {
    const w = box.right - box.left, h = box.bottom - box.top;
    return w > 1.5 * h && (h < FLAT * tallest || w > 4 * h);
  }

  function joinParts(boxes) {
    const tallest = Math.max(0, ...boxes.map((box) => box.bottom - box.top)), whole = [];
    const large = (box) => size(box) >= Math.max(LEAST * tallest, SMALLEST);
    for (const part of [...boxes].sort((a, b) => size(b) - size(a))) {
      const near = whole.map((_, i) => i).filter((i) => belongs(part, whole[i], tallest));
      if (near.length) {
        const closest = near.reduce((a, b) => (distance(part, whole[b]) < distance(part, whole[a]) ? b : a));
        whole[closest] = join(whole[closest], part);
      } else if (large(part)) whole.push(part);
    }
    return whole.filter((box) => large(box) && !isHyphen(box, tallest));
  }

  // Lines from the top, each from left to right; a line ends where a box begins below all of it.
  function inReadingOrder(boxes) {
    const lines = [];
    for (const box of [...boxes].sort((a, b) => a.top - b.top)) {
      if (!lines.length || box.top >= Math.max(...lines.at(-1).map((other) => other.bottom))) lines.push([]);
      lines.at(-1).push(box);
    }
    return lines.flatMap((line) => [...line].sort((a, b) => a.left - b.left));
  }

  function isSingle(mask, w, h) {
    const ink = mask.reduce((a, b) => a + b, 0), solid = ink > SOLID * w * h && w > h / 2;
    const at = (x, y) => (x >= 0 && y >= 0 && x < w && y < h ? mask[y * w + x] : 0);
    let edges = 0;
    for (let y = 0; y <= h; y++) {
      for (let x = 0; x <= w; x++) edges += (at(x, y) !== at(x - 1, y)) + (at(x, y) !== at(x, y - 1));
    }
    const long = edges > 2 * LONG * Math.max(w, h);
    return w <= BROAD * h && !solid && !long && countHoles(mask, w, h, 0.002 * w * h) <= HOLES;
  }

  const ink = findInk(grey, width, height);
  const { labels, boxes } = label(Array.from(ink, (value) => Number(value > 0)), width, height);
  return inReadingOrder(joinParts(boxes.map((box, i) => ({ ...box, labels: [i + 1] })))).map((box) => {
    const w = box.right - box.left, h = box.bottom - box.top;
    const part = Float64Array.from({ length: w * h }, (_, i) => {
      const from = (box.top + Math.floor(i / w)) * width + box.left + (i % w);
      return box.labels.includes(labels[from]) ? ink[from] : 0;
    });
    const single = isSingle(Array.from(part, (value) => Number(value > 0.5)), w, h);
    return { image: fit(part, w, h), box: [box.top, box.bottom, box.left, box.right], single };
  });
}

// Returns the connected components of a mask of 0 and 1: labels from 1 in the order of their first pixels, and their boxes.
function label(mask, width, height, diagonal = true) {
  const labels = new Int32Array(mask.length), boxes = [];
  mask.forEach((is, first) => {
    if (!is || labels[first]) return;
    const box = { top: height, bottom: 0, left: width, right: 0 }, stack = [first];
    boxes.push(box);
    labels[first] = boxes.length;
    while (stack.length) {
      const i = stack.pop(), x = i % width, y = Math.floor(i / width);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      for (const j of around(i, width, height, diagonal)) {
        if (!mask[j] || labels[j]) continue;
        labels[j] = boxes.length;
        stack.push(j);
      }
    }
  });
  return { labels, boxes };
}

// Returns how many areas of paper of at least `smallest` pixels the ink of a mask encloses.
function countHoles(mask, width, height, smallest) {
  const w = width + 2, h = height + 2, paper = new Array(w * h).fill(1);
  mask.forEach((is, i) => { paper[(Math.floor(i / width) + 1) * w + (i % width) + 1] = 1 - is; });
  const { labels, boxes } = label(paper, w, h, false), sizes = new Array(boxes.length + 1).fill(0);
  for (const number of labels) sizes[number]++;
  return sizes.slice(2).filter((pixels) => pixels >= smallest).length; // 0 is ink, and 1 is the paper outside
}
