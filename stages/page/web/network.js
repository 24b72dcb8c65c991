// The networks of stages/network/build.py: dense layers, ReLU after the hidden ones, softmax at the end; and when the
// reader is sure, the twin of stages/contracts/reader.py and reader/reading/network.py.

// Returns {kernel, bias} for each layer. A kernel is (inputs, outputs), row after row; all float32, little-endian, as
// every machine with a browser stores them.
function decodeLayers({ sizes, weights }) {
  const bytes = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0));
  let offset = 0;
  const take = (count) => {
    const part = new Float32Array(bytes.buffer, offset, count);
    offset += part.byteLength;
    return part;
  };
  return sizes.slice(1).map((outputs, i) => ({ kernel: take(sizes[i] * outputs), bias: take(outputs) }));
}

function dense(input, { kernel, bias }) {
  const sums = Float64Array.from(bias); // twice the precision of Keras, so that only its own rounding separates the two
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

const parse = (id) => JSON.parse(document.getElementById(id).textContent);
const network = decodeLayers(parse("network")); // that of the results on this page
const reader = decodeLayers(parse("reader")); // that of the paper, with an output more: no single digit
const SURE_FROM = parse("reader").sure_from;
const PLACES = [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]]; // rows, columns

// Returns the probability of each output of a network, for the image as 784 numbers in [0, 1], row after row, 1 is ink.
function predict(layers, image) {
  const hidden = layers.slice(0, -1);
  const features = hidden.reduce((input, layer) => dense(input, layer).map((sum) => Math.max(sum, 0)), image);
  return softmax(dense(features, layers.at(-1)));
}

function move(image, [rows, columns]) {
  const SIDE = 28;
  return image.map((_, i) => {
    const y = Math.floor(i / SIDE) - rows, x = (i % SIDE) - columns;
    return y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : image[y * SIDE + x];
  });
}

// Returns what the reader says of a digit that findDigits found: the likeliest class, its probability, whether it is sure,
// and the probabilities of all outputs, the means over five places.
function read({ image, single }) {
  const looks = PLACES.map((place) => predict(reader, move(image, place)));
  const probabilities = Array.from(looks[0], (_, i) => looks.reduce((sum, look) => sum + look[i], 0) / looks.length);
  const confidence = Math.max(...probabilities.slice(0, -1)), digit = probabilities.indexOf(confidence);
  return { digit, confidence, sure: single && Number(confidence.toFixed(6)) >= SURE_FROM, probabilities };
}
