// The network of stages/common/model.py: dense layers, ReLU after the hidden ones, softmax at the end.

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

const layers = decodeLayers(JSON.parse(document.getElementById("network").textContent));

// Returns the probability of each digit, for the image as 784 numbers in [0, 1], row after row, 1 is ink.
function predict(image) {
  const hidden = layers.slice(0, -1);
  const features = hidden.reduce((input, layer) => dense(input, layer).map((sum) => Math.max(sum, 0)), image);
  return softmax(dense(features, layers.at(-1)));
}
