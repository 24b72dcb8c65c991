// What the reader expects of a picture: the twin of tools/reading/prepare.py, which explains the steps. Tests hold
// the two to the same result.

// Returns ink as width * height numbers, 0 is paper and 1 is ink, all 0 without ink.
// grey: width * height numbers, row by row, from 0 (black) to 255 (white), ink of either polarity.
function findInk(grey, width, height) {
  const MIN_CONTRAST = 24, NOISE = 5, SEPARATE = 0.7;
  const reach = Math.max(1, Math.floor(Math.max(width, height) / 4)); // of the square that paper is wider than

  // The sums over windows of 2 reach + 1 along lines of `length` values that are `step` apart, cut at their ends.
  function boxSums(values, length, step) {
    const before = new Float64Array(length + 1);
    const sums = new Float64Array(values.length);
    for (let start = 0; start < values.length; start++) {
      if (Math.floor(start / step) % length !== 0) continue; // no beginning of a line
      for (let i = 0; i < length; i++) before[i + 1] = before[i] + values[start + i * step];
      for (let i = 0; i < length; i++) {
        sums[start + i * step] = before[Math.min(i + reach + 1, length)] - before[Math.max(i - reach, 0)];
      }
    }
    return sums;
  }

  function isDarkOnLight(levels) {
    const box = (values) => boxSums(boxSums(values, height, width), width, 1);
    const sums = box(levels), counts = box(levels.map(() => 1));
    return levels.reduce((sum, level, i) => sum + (level - Math.floor(sums[i] / counts[i] + 0.5)) ** 3, 0) <= 0;
  }

  // In place, the highest of the `size` values from each one on, along lines of `length` values that are `step` apart;
  // what lies beyond the end of a line does not count. The window doubles until it is wide enough.
  function highest(values, length, step, size) {
    for (let covered = 1; covered < size; ) {
      const shift = Math.min(covered, size - covered);
      for (let start = 0; start < values.length; start += length * step) {
        for (let i = start; i < start + (length - shift) * step; i++) {
          if (values[i] < values[i + shift * step]) values[i] = values[i + shift * step];
        }
      }
      covered += shift;
    }
  }

  // The share of light, 0 to 255, that each pixel takes from that of the paper around it: the closing with a square.
  function absorbed(levels) {
    const size = 2 * reach + 1, w = width + 2 * reach, h = height + 2 * reach;
    let padded = new Int16Array(w * h).fill(-256);
    // The highest from a pixel on is the highest around the pixel `reach` later: so the image starts at 2 reach here,
    // and the lowest of what follows, the highest of its negative, is again around the pixel itself.
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) padded[(y + 2 * reach) * w + x + 2 * reach] = levels[y * width + x];
    }
    highest(padded, w, 1, size);
    highest(padded, h, w, size);
    padded = padded.map((level) => -level);
    highest(padded, w, 1, size);
    highest(padded, h, w, size);
    return levels.map((level, i) => {
      const paper = -padded[Math.floor(i / width) * w + (i % width)];
      return Math.floor((255 * (paper - level)) / Math.max(paper, 1) + 0.5);
    });
  }

  function histogram(levels) {
    const counts = new Array(256).fill(0);
    for (const level of levels) counts[level]++;
    return counts;
  }

  function median(levels) {
    let below = 0;
    return histogram(levels).findIndex((count) => (below += count) >= levels.length / 2);
  }

  function otsu(levels) {
    const counts = histogram(levels), total = levels.length, all = levels.reduce((a, b) => a + b, 0);
    let below = 0, sum = 0, best = -1, threshold = 0;
    for (let level = 0; level < 256; level++) {
      below += counts[level];
      sum += level * counts[level];
      const variance = (total * sum - all * below) ** 2 / Math.max(below * (total - below), 1);
      if (variance > best) [best, threshold] = [variance, level];
    }
    return threshold;
  }

  // Whether each pixel is of a connected component of `faint` that holds a pixel of `full`.
  function touching(faint, full) {
    const kept = new Uint8Array(faint.length);
    const stack = [...kept.keys()].filter((i) => full[i] && faint[i]);
    for (const i of stack) kept[i] = 1;
    while (stack.length) {
      const i = stack.pop();
      for (const j of around(i, width, height)) {
        if (!faint[j] || kept[j]) continue;
        kept[j] = 1;
        stack.push(j);
      }
    }
    return kept;
  }

  // The depth of paper, the most that may be its noise, and the depth of ink; nothing if ink is not evident.
  function tellApart(depth, part) {
    const paper = median(part), noise = median(part.map((level) => Math.abs(level - paper)));
    const evident = paper + NOISE * noise, above = depth.filter((level) => level > evident);
    if (!above.length) return null;
    const threshold = otsu(above);
    const full = median(above.filter((level) => level > threshold));
    return full - paper < Math.max(MIN_CONTRAST, 2 * NOISE * noise) ? null : [paper, evident, full];
  }

  // Whether values are of two kinds, the lower one of them given.
  function separate(values, lower) {
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const total = values.length, n = lower.length, all = sum(values);
    const between = (total * sum(lower) - all * n) ** 2 / Math.max(n * (total - n), 1);
    return between >= SEPARATE * (total * sum(values.map((value) => value * value)) - all * all);
  }

  function tellApartDense(depth) {
    const threshold = otsu(depth), paper = depth.filter((level) => level <= threshold);
    return separate(depth, paper) ? tellApart(depth, paper) : null;
  }

  const none = new Float64Array(grey.length);
  const levels = Int32Array.from(grey, (value) => Math.floor(Math.min(Math.max(value, 0), 255) + 0.5));
  const depth = absorbed(isDarkOnLight(levels) ? levels : levels.map((level) => 255 - level));
  const found = tellApart(depth, depth) ?? tellApartDense(depth);
  if (!found) return none;
  const [paper, evident, full] = found;
  const darker = (times) => depth.map((level) => Number(times * (level - paper) > full - paper));
  const strokes = touching(darker(4), darker(2)).map((is, i) => is && Number(depth[i] > evident));
  return none.map((_, i) =>
    depth[i] > evident && (strokes[i] || around(i, width, height).some((j) => strokes[j]))
      ? Math.min((depth[i] - paper) / (full - paper), 1) : 0);
}

// Returns the neighbours of pixel i, eight or four.
function around(i, width, height, diagonal = true) {
  const x = i % width, y = (i - x) / width, found = [];
  for (let b = Math.max(y - 1, 0); b <= Math.min(y + 1, height - 1); b++) {
    for (let a = Math.max(x - 1, 0); a <= Math.min(x + 1, width - 1); a++) {
      if ((a !== x || b !== y) && (diagonal || a === x || b === y)) found.push(b * width + a);
    }
  }
  return found;
}

// Returns ink, not all 0, as 28x28 pixels in [0, 1]: scaled to fit 20x20 and centred by its mass.
function fit(ink, width, height) {
  const FIT = 20, SIDE = 28, CENTRE = 14, TIE = 1e-6;

  // The averages of line(from), line(from + 1) ... over n equal parts of `length` values.
  function average(line, from, length, n) {
    return Array.from({ length: n }, (_, i) => {
      const start = (i * length) / n, end = ((i + 1) * length) / n;
      let sum = 0;
      for (let j = Math.floor(start); j < Math.min(Math.ceil(end), length); j++) {
        sum += line(from + j) * Math.max(Math.min(end, j + 1) - Math.max(start, j), 0);
      }
      return (sum * n) / length;
    });
  }

  function corner(mass) {
    const total = mass.reduce((a, b) => a + b, 0), centre = mass.reduce((sum, m, i) => sum + m * i, 0) / total;
    return Math.min(Math.max(Math.ceil(CENTRE - 0.5 - centre - TIE), 0), SIDE - mass.length);
  }

  let [top, bottom, left, right] = [height, -1, width, -1];
  ink.forEach((value, i) => {
    if (value === 0) return;
    const x = i % width, y = Math.floor(i / width);
    [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y), Math.min(left, x), Math.max(right, x)];
  });
  const boxHeight = bottom - top + 1, boxWidth = right - left + 1;
  const scaled = (side) => Math.max(1, Math.floor((side * FIT) / Math.max(boxHeight, boxWidth) + 0.5));
  const lines = Array.from({ length: boxHeight }, (_, y) =>
    average((x) => ink[(top + y) * width + x], left, boxWidth, scaled(boxWidth)));
  const columns = lines[0].map((_, x) => average((y) => lines[y][x], 0, boxHeight, scaled(boxHeight)));
  const rows = columns[0].map((_, y) => columns.map((column) => column[y]));
  const sum = (line) => line.reduce((a, b) => a + b, 0);
  const y0 = corner(rows.map(sum)), x0 = corner(columns.map(sum)), peak = Math.max(...rows.flat());
  const image = new Float32Array(SIDE * SIDE);
  rows.forEach((row, y) => row.forEach((value, x) => { image[(y0 + y) * SIDE + x0 + x] = value / peak; }));
  return image;
}
