// Both latent spaces of a run under the pointer. Reads the JSON of #x-data; every text from it is put in as text.
const data = JSON.parse(document.getElementById("x-data").textContent), $ = id => document.getElementById(id);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

for (const { text, command } of data.notes) {
  const note = element("p", { className: "missing", textContent: text });
  if (command) note.append(element("code", { className: "command", textContent: command }));
  $("x-notes").append(note);
}
$("x-all").hidden = false;

// What is known of each image
const count = data.count, all = [...Array(count).keys()];
const labels = data.labels && Decoder.unpack(data.labels);
const className = i => (labels ? data.class_names[labels[i]] : "");
const nameOf = i => (data.sample_ids.length ? data.sample_ids[i] : `row ${i}`);
const spaces = data.spaces.map(space => ({
  ...space,
  maps: space.maps.map(map => ({ ...map, points: Decoder.unpack(map.points) })),
  errors: space.errors && Decoder.unpack(space.errors),
  near: space.near && Decoder.unpack(space.near),
  vectors: space.vectors && Decoder.unpack(space.vectors),
  decoder: space.decoder && Decoder.build(space.decoder),
}));
const flat = spaces.find(space => space.decoder && space.size === 2);

// Pictures: sheets of many images, each decoded when it is first needed
const sheets = new Map();
function sheetOf(pictures, number) {
  const source = pictures.sheets[number];
  if (!sheets.has(source)) {
    const image = new Image();
    image.src = source;
    sheets.set(source, image.decode().then(() => image, () => null));
  }
  return sheets.get(source);
}
function drawInto(canvas, pictures, i) {
  const { width, height, columns, per_sheet: perSheet } = pictures, place = i % perSheet;
  canvas.width = width;
  canvas.height = height;
  canvas.dataset.of = i;
  return sheetOf(pictures, i / perSheet | 0).then(image => {
    if (!image || canvas.dataset.of !== String(i)) return;
    canvas.getContext("2d").drawImage(
      image, place % columns * width, (place / columns | 0) * height, width, height, 0, 0, width, height);
  });
}
function pictureSize(width, height, side) {  // on the page, whole multiples where the picture is small
  const factor = side / Math.max(width, height), whole = factor > 1 ? Math.floor(factor) : factor;
  return [Math.round(width * whole), Math.round(height * whole)];
}
function newPicture(width, height, side, caption) {
  const canvas = element("canvas", { className: "picture" }), [w, h] = pictureSize(width, height, side);
  canvas.style.width = `${w}px`;
  canvas.style.height = `${h}px`;
  if (!caption) return canvas;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", caption);
  const figure = element("figure", {}, canvas, element("figcaption", { textContent: caption }));
  figure.canvas = canvas;
  return figure;
}
function thumbnail(i, side) {  // a button that shows an image
  const label = `image ${nameOf(i)}${labels ? `, class ${className(i)}` : ""}`;
  const button = element("button", { type: "button", title: label });
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => keep(i));
  if (data.pictures) {
    const canvas = newPicture(data.pictures.width, data.pictures.height, side);
    drawInto(canvas, data.pictures, i);
    button.append(canvas);
  } else {
    button.textContent = nameOf(i);
    button.style.lineHeight = "normal";
  }
  return button;
}
function drawDecoded(canvas, decoder, values, side = 96) {
  const { width, height, channels } = decoder, [w, h] = pictureSize(width, height, side);
  Object.assign(canvas, { width, height, className: "picture" });
  Object.assign(canvas.style, { width: `${w}px`, height: `${h}px` });
  const pixels = new ImageData(width, height);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * p + c] = Math.round(255 * values[p * channels + (channels === 3 ? c : 0)]);
    pixels.data[4 * p + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
