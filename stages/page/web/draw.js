// The paper: strokes from mouse, finger or keyboard become the images that the reader is given, and its answers are shown.

const SIDE = 28; // pixels of the network's image
const PEN = 22; // width of a stroke on the paper of 280 x 280
const READ = 140; // side of what is read of it: enough for 28 pixels, and fast enough to follow a finger
const STEP = 10; // how far an arrow key moves the pen

const find = (id) => document.getElementById(id);
const paper = find("paper");
const ink = paper.getContext("2d");
const bars = [...document.querySelectorAll("#probabilities tbody tr")];
const names = bars.slice(0, -1).map((row) => row.cells[0].textContent); // the last bar is of no single digit
const pen = { x: paper.width / 2, y: paper.height / 2, down: false }; // of the keyboard
let strokes = []; // each a list of [x, y] in pixels of the paper
let drawing = false;

const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;

function drawStrokes() {
  ink.fillStyle = "white";
  ink.fillRect(0, 0, paper.width, paper.height);
  Object.assign(ink, { strokeStyle: "black", lineWidth: PEN, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    const [x, y] = stroke[0];
    ink.beginPath();
    ink.moveTo(x - 0.1, y); // a line from a point to itself, the dot of a tap, would not be drawn
    for (const point of stroke) ink.lineTo(...point);
    ink.stroke();
  }
}

// Returns the grey levels of an image or canvas scaled to side x side, row after row, 0 is black and 255 is white.
function readGrey(source, side) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return Array.from({ length: side * side }, (_, i) => data[4 * i]);
}

// Whether the browser keeps what is drawn from the page: some return noise or white, against recognition by fingerprint.
function isHidden() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 16 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, 16, 16);
  context.fillStyle = "black";
  context.fillRect(0, 0, 16, 8);
  const { data } = context.getImageData(0, 0, 16, 16);
  const expected = (i) => (i < data.length / 2 ? 0 : 255);
  return data.some((value, i) => i % 4 !== 3 && Math.abs(value - expected(i)) > 16);
}

// Draws images, each 784 numbers in [0, 1], side by side, or one that is black.
function showImages(images) {
  const seen = find("seen");
  seen.width = SIDE * Math.max(images.length, 1);
  const pixels = seen.getContext("2d").createImageData(seen.width, SIDE);
  pixels.data.forEach((_, i) => {
    const x = (i >> 2) % seen.width, y = Math.floor((i >> 2) / seen.width);
    const ink = images[Math.floor(x / SIDE)]?.[y * SIDE + (x % SIDE)] ?? 0;
    pixels.data[i] = i % 4 === 3 ? 255 : Math.round(255 * ink);
  });
  seen.getContext("2d").putImageData(pixels, 0, 0);
}

// Shows an answer, a remark beside it, and the probabilities of the classes, null for none.
function showAnswer(answer, remark, probabilities) {
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities.slice(0, names.length))) : -1;
  bars.forEach((row, digit) => {
    row.classList.toggle("best", digit === best);
    row.style.setProperty("--share", probabilities?.[digit] ?? 0);
    row.cells[2].textContent = probabilities?.[digit] === undefined ? "\u2013" : percent(probabilities[digit]);
  });
  find("answer").textContent = answer;
  find("answer").classList.toggle("long", answer.length > 3);
  find("confidence").textContent = remark;
}

// Shows what the reader says of digits as findDigits returns them; the bars are those of the one it is least sure of.
function showDigits(digits) {
  const answers = digits.map(read);
  const says = ({ digit, confidence, sure }) =>
    `${sure ? "" : `not sure, perhaps ${names[digit]}, `}${percent(confidence)}`;
  const [least] = [...answers].sort((a, b) => a.sure - b.sure || a.confidence - b.confidence);
  const remark = answers.length > 1 ? answers.map((answer, i) => `${i + 1}: ${says(answer)}`).join("; ") : least && says(least);
  showImages(digits.map(({ image }) => image));
  const reading = answers.map(({ digit, sure }) => (sure ? names[digit] : "?")).join("");
  showAnswer(reading || "?", remark || "nothing drawn", least?.probabilities);
}

function announce(source) {
  find("status").textContent = `${source}: ${find("answer").textContent}, ${find("confidence").textContent}`;
}

function update() {
  drawStrokes();
  find("hint").hidden = strokes.length > 0;
  if (strokes.length && isHidden()) return showHidden();
  showDigits(strokes.length ? findDigits(readGrey(paper, READ), READ, READ) : []);
}

function showHidden() {
  showImages([]);
  showAnswer("?", "this browser hides drawings from the page; allow it to read the canvas", null);
}

let scheduled = false;
function updateSoon() {
  if (scheduled) return;
  scheduled = true; // at most once for each frame of the screen
  requestAnimationFrame(() => {
    scheduled = false;
    update();
  });
}

function position(event) {
  const box = paper.getBoundingClientRect();
  const scale = paper.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

paper.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button !== 0) return;
  drawing = true;
  pen.down = false;
  paper.setPointerCapture(event.pointerId); // a stroke may leave the paper and come back
  strokes.push([position(event)]);
  updateSoon();
});

paper.addEventListener("pointermove", (event) => {
  if (!drawing || !event.isPrimary) return;
  // Only on secure pages and in recent browsers an event knows those that were merged into it.
  strokes.at(-1).push(...(event.getCoalescedEvents?.() ?? []).map(position), position(event));
  updateSoon();
});

paper.addEventListener("lostpointercapture", () => {
  drawing = false;
  update();
  announce("Drawn");
});

function placePen() {
  find("pen").style.translate = `${(100 * pen.x) / paper.width}cqw ${(100 * pen.y) / paper.height}cqh`;
  find("pen").classList.toggle("down", pen.down);
}

function movePen(dx, dy) {
  pen.x = Math.min(Math.max(pen.x + STEP * dx, 0), paper.width);
  pen.y = Math.min(Math.max(pen.y + STEP * dy, 0), paper.height);
  if (pen.down) strokes.at(-1).push([pen.x, pen.y]);
  updateSoon();
}

function togglePen() {
  pen.down = !pen.down;
  if (pen.down) strokes.push([[pen.x, pen.y]]);
  update();
  announce(pen.down ? "Pen down" : "Drawn");
}

function undo() {
  pen.down = drawing = false;
  strokes.pop();
  update();
  announce("Stroke taken back");
}

function clear() {
  pen.down = drawing = false;
  strokes = [];
  update();
  announce("Cleared");
}

const KEYS = {
  ArrowLeft: () => movePen(-1, 0),
  ArrowRight: () => movePen(1, 0),
  ArrowUp: () => movePen(0, -1),
  ArrowDown: () => movePen(0, 1),
  " ": togglePen,
  Backspace: undo,
  Escape: clear,
};

paper.addEventListener("keydown", (event) => {
  if (!(event.key in KEYS)) return;
  event.preventDefault(); // neither scroll nor leave the page
  KEYS[event.key]();
  placePen();
});

find("undo").addEventListener("click", undo);
find("clear").addEventListener("click", clear);

// A test image of the galleries is given as it is to the network of the results: it has been prepared already.
for (const button of document.querySelectorAll(".gallery button")) {
  button.addEventListener("click", () => {
    clear();
    const image = button.querySelector("img");
    if (isHidden()) showHidden();
    else {
      const pixels = readGrey(image, SIDE).map((grey) => grey / 255), probabilities = predict(network, pixels);
      const confidence = Math.max(...probabilities);
      showImages([pixels]);
      showAnswer(names[probabilities.indexOf(confidence)], `${percent(confidence)}, by the network of the results`, probabilities);
    }
    announce(image.alt);
    find("draw").scrollIntoView();
    paper.focus({ preventScroll: true });
  });
}

placePen();
update();
