// The paper: strokes from mouse, finger or keyboard become the image that the network is given, and its answer is shown.

const SIDE = 28; // pixels of the network's image
const PEN = 22; // width of a stroke on the paper of 280 x 280
const READ = 140; // side of what is read of it: enough for 28 pixels, and fast enough to follow a finger
const STEP = 10; // how far an arrow key moves the pen

const find = (id) => document.getElementById(id);
const paper = find("paper");
const ink = paper.getContext("2d");
const bars = [...document.querySelectorAll("#probabilities tbody tr")];
const names = bars.map((row) => row.cells[0].textContent);
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

// Shows what the network is given, 784 numbers in [0, 1] or null for nothing, and the probabilities it answers with.
function show(image) {
  const seen = find("seen").getContext("2d");
  const pixels = seen.createImageData(SIDE, SIDE);
  pixels.data.forEach((_, i) => {
    pixels.data[i] = i % 4 === 3 ? 255 : Math.round(255 * (image?.[i >> 2] ?? 0));
  });
  seen.putImageData(pixels, 0, 0);

  const probabilities = image ? predict(image) : null;
  const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
  bars.forEach((row, digit) => {
    row.classList.toggle("best", digit === best);
    row.style.setProperty("--share", probabilities?.[digit] ?? 0);
    row.cells[2].textContent = probabilities ? percent(probabilities[digit]) : "\u2013";
  });
  find("answer").textContent = image ? names[best] : "?";
  find("confidence").textContent = image ? percent(probabilities[best]) : "draw a digit";
}

function announce(source) {
  find("status").textContent = `${source}: ${find("answer").textContent}, ${find("confidence").textContent}`;
}

function update() {
  drawStrokes();
  show(strokes.length ? prepare(readGrey(paper, READ), READ, READ) : null);
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
  strokes.at(-1).push(...event.getCoalescedEvents().map(position), position(event));
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

// A test image of the galleries is given to the network as it is: it has been prepared already.
for (const button of document.querySelectorAll(".gallery button")) {
  button.addEventListener("click", () => {
    clear();
    const image = button.querySelector("img");
    show(readGrey(image, SIDE).map((grey) => grey / 255));
    announce(image.alt);
    find("draw").scrollIntoView();
    paper.focus({ preventScroll: true });
  });
}

placePen();
update();
