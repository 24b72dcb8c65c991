// The paper: strokes from mouse, finger, pen or keyboard are read while one draws, and the answers are shown.

const PEN = 22; // width of a stroke on the paper of 280 x 280
const READ = 140; // side of the picture that is read: fine enough for 28 pixels, and fast enough to follow a finger
const STEP = 10; // how far an arrow key moves the pen

const find = (id) => document.getElementById(id);
const settings = JSON.parse(find("reader").textContent);
const reader = { ...settings, layers: decodeLayers(settings) };
const paper = find("paper");
const bars = [...find("probabilities").tBodies[0].rows]; // of the digits, and last of "not a digit"
const pen = { x: paper.width / 2, y: paper.height / 2, down: false }; // of the keyboard
let strokes = []; // each a list of [x, y] in pixels of the paper
let active = null; // the id of the pointer that draws

function percent(share) {
  const text = `${(100 * share).toFixed(1)}\u00a0%`;
  return text.startsWith("100.0") ? ">\u00a099.9\u00a0%" : text;
}

function makeCanvas(side) {
  return Object.assign(document.createElement("canvas"), { width: side, height: side });
}

function drawStrokes() {
  const ink = paper.getContext("2d");
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

// Returns the ink of a canvas scaled to side x side, row after row, 0 is paper and 1 is ink.
function readInk(source, side) {
  const context = makeCanvas(side).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return Array.from({ length: side * side }, (_, i) => 1 - data[4 * i] / 255);
}

// Whether the browser returns noise or white instead of what is drawn, as some do against recognition by fingerprint.
function isHidden() {
  const canvas = makeCanvas(16), context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, 16, 16);
  context.fillStyle = "black";
  context.fillRect(0, 0, 16, 8);
  return readInk(canvas, 16).some((ink, i) => Math.abs(ink - (i < 128 ? 1 : 0)) > 1 / 16);
}

function drawImage(image) {
  const canvas = makeCanvas(SIDE), context = canvas.getContext("2d"), pixels = context.createImageData(SIDE, SIDE);
  pixels.data.forEach((_, i) => { pixels.data[i] = i % 4 === 3 ? 255 : Math.round(255 * image[i >> 2]); });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// Returns the box with one answer: the image that the network sees, the digit or "?", and the confidence in it.
function makeTile({ image, digit, confidence, sure, probabilities }) {
  const tile = document.createElement("div"), name = document.createElement("b"), note = document.createElement("span");
  const other = probabilities.at(-1);
  name.textContent = sure ? digit : "?";
  note.textContent = sure ? percent(confidence)
    : other > confidence ? `not a digit, ${percent(other)}` : `not sure, perhaps ${digit}, ${percent(confidence)}`;
  const seen = drawImage(image);
  seen.setAttribute("role", "img");
  seen.setAttribute("aria-label", "What the network sees, 28 by 28 pixels");
  tile.append(seen, name, note);
  return tile;
}

// Shows the answers in a row, or a remark without any, and the probabilities of the least certain one.
function showAnswers(answers, remark = "") {
  find("answer").replaceChildren(...(answers.length ? answers.map(makeTile) : [remark]));
  find("chances").hidden = !answers.length;
  if (!answers.length) return;
  const [least] = [...answers].sort((a, b) => a.sure - b.sure || a.confidence - b.confidence);
  const place = answers.indexOf(least), best = Math.max(...least.probabilities);
  find("answer").children[place].classList.toggle("least", answers.length > 1);
  find("whose").textContent = answers.length === 1 ? "Probabilities"
    : `Probabilities of the framed one, ${place + 1} of ${answers.length}`;
  bars.forEach((row, i) => {
    const share = least.probabilities[i];
    row.classList.toggle("best", share === best);
    row.style.setProperty("--share", share);
    row.cells[2].textContent = percent(share);
  });
}

function update() {
  drawStrokes();
  const drawn = strokes.length > 0;
  find("hint").hidden = drawn;
  find("undo").disabled = find("clear").disabled = !drawn;
  if (!drawn) showAnswers([]);
  else if (isHidden()) showAnswers([], "This browser hides drawings from the page: allow it to read the canvas.");
  else {
    const digits = findDigits(readInk(paper, READ), READ, READ);
    showAnswers(digits.map((found) => read(reader, found)), "Nothing here looks like a digit.");
  }
}

let frame = 0; // in which an update is scheduled: at most one for each frame of the screen
function updateSoon() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    update();
  });
}

function announce(event) {
  const answers = [...find("answer").children].map((tile) => `${tile.children[1].textContent}, ${tile.children[2].textContent}`);
  find("status").textContent = `${event}: ${answers.join("; ") || find("answer").textContent || "nothing drawn"}`;
}

function position(event) {
  const box = paper.getBoundingClientRect();
  const scale = paper.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

function startStroke(event) {
  if (!event.isPrimary || event.button !== 0) return; // a second finger, or another button
  active = event.pointerId; // if the end of another pointer's stroke was missed, it ends here
  pen.down = false;
  strokes.push([position(event)]);
  try {
    paper.setPointerCapture(active); // a stroke may leave the paper and come back
  } catch { // this pointer cannot be captured: the stroke is drawn as far as the paper goes
  }
  updateSoon();
}

function continueStroke(event) {
  if (event.pointerId !== active) return;
  if (event.pointerType === "mouse" && event.buttons === 0) return endStroke(event); // released outside the window
  // Only on secure pages and in recent browsers an event knows those that were merged into it.
  strokes.at(-1).push(...(event.getCoalescedEvents?.() ?? []).map(position), position(event));
  updateSoon();
}

function endStroke(event) {
  if (active === null || event.pointerId !== active) return;
  active = null;
  update();
  announce("Drawn");
}

paper.addEventListener("pointerdown", startStroke);
paper.addEventListener("pointermove", continueStroke);
for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) addEventListener(type, endStroke, true);

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
  active = null;
  pen.down = !pen.down;
  if (pen.down) strokes.push([[pen.x, pen.y]]);
  update();
  announce(pen.down ? "Pen down" : "Drawn");
}

function keepStrokes(count, event) {
  active = null;
  pen.down = false;
  strokes = strokes.slice(0, count);
  update();
  announce(event);
}

const undo = () => keepStrokes(-1, "Stroke taken back"), clear = () => keepStrokes(0, "Cleared");
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
placePen();
update();
