// Colours: by a group (class, cluster) or by a number on a scale
const colourings = [];
if (labels) colourings.push({ title: "class", groups: labels, names: data.class_names });
for (const found of data.clusters)
  colourings.push({ title: found.title, groups: Decoder.unpack(found.groups), names: found.names });
for (const space of spaces)
  if (space.errors) colourings.push({ title: `error of bottleneck ${space.size}`, values: space.errors });
if (data.brightness) colourings.push({ title: "brightness", values: Decoder.unpack(data.brightness) });
if (!colourings.length) colourings.push({ title: "nothing known", groups: new Int16Array(count), names: ["all"] });
for (const each of colourings.filter(each => each.values)) {
  const sorted = Float32Array.from(each.values).sort();
  each.low = sorted[0];
  each.high = sorted[Math.floor(0.99 * (count - 1))];
  if (!(each.high > each.low)) each.high = each.low + 1e-9;
}
let colouring = colourings[0];
const LEVELS = data.scale.length;
const levelOf = (each, i) => Math.max(0, Math.min(LEVELS - 1, Math.floor((each.values[i] - each.low) / (each.high - each.low) * LEVELS)));
const darkPage = matchMedia("(prefers-color-scheme: dark)");
const colourOf = number => {
  const colour = number < 0 ? "#9a9a9a" : data.palette[number % data.palette.length];
  const parts = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
  const light = .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
  if (!darkPage.matches || light > 80) return colour;  // the palette is made for white: on black, dark colours become lighter
  return "#" + parts.map(part => Math.round(part + (255 - part) * .5).toString(16).padStart(2, "0")).join("");
};

// Who is shown, selected, pointed at, kept
let visible = new Uint8Array(count).fill(1), shown = count;
const selected = new Uint8Array(count);
let chosen = [], pointed = -1, kept = -1, hiddenClasses = new Set();
const ratio = window.devicePixelRatio || 1;
const radius = (count > 20000 ? 1.6 : count > 5000 ? 2.4 : count > 1500 ? 3.2 : 4.5);
const ORDER = (() => {  // a fixed mixture, or the last class would lie on top of all others
  const order = Int32Array.from(all);
  let state = 12345;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
})();

const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function shape(context, kind, x, y, r) {
  context.beginPath();
  if (kind === 0) context.arc(x, y, r, 0, 7);
  else if (kind === 1) context.rect(x - .85 * r, y - .85 * r, 1.7 * r, 1.7 * r);
  else {
    const corners = [[[0, -1.2], [1.1, .8], [-1.1, .8]], [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], [[0, 1.2], [1.1, -.8], [-1.1, -.8]]];
    corners[kind - 2].forEach(([a, b], k) => context[k ? "lineTo" : "moveTo"](x + a * r, y + b * r));
    context.closePath();
  }
}
const stamps = new Map();
function stamp(colour, kind) {  // a point, drawn once
  const key = colour + kind;
  if (!stamps.has(key)) {
    const canvas = element("canvas"), r = radius * ratio, side = Math.ceil(2.8 * r) + 2;
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    shape(context, kind, side / 2, side / 2, r);
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = .6 * ratio;
    context.strokeStyle = ink("--paper");
    context.stroke();
    context.strokeStyle = ink("--ink");
    context.globalAlpha = darkPage.matches ? .8 : .35;
    context.stroke();
    stamps.set(key, canvas);
  }
  return stamps.get(key);
}

// How the points of a map are drawn: stamped, or where they are many, pixel by pixel, which is far quicker
const MANY = 3000, FAINT = .13, STRONG = .92;
function look(i) {  // -> [colour, shape]
  if (colouring.values) return [data.scale[levelOf(colouring, i)], 0];
  const group = colouring.groups[i];
  return [colourOf(group), group < 0 ? 0 : group % 5];
}
function stampsInto(context, width, height) {
  context.clearRect(0, 0, width, height);
  return {
    point(i, x, y, strong) {
      const image = stamp(...look(i));
      context.globalAlpha = strong ? STRONG : FAINT;
      context.drawImage(image, x - image.width / 2, y - image.height / 2);
    },
    done() { context.globalAlpha = 1; },
  };
}
const masks = [];
function mask(kind) {  // the pixels of a shape, around its middle: [x, y, x, y, ...]
  if (!masks[kind]) {
    const r = radius * ratio, half = Math.ceil(1.4 * r) + 1, canvas = element("canvas", { width: 2 * half + 1, height: 2 * half + 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    shape(context, kind, half + .5, half + .5, r);
    context.fill();
    const pixels = context.getImageData(0, 0, canvas.width, canvas.width).data;
    masks[kind] = [];
    for (let p = 0; p < pixels.length / 4; p++)
      if (pixels[4 * p + 3] > 127) masks[kind].push(p % canvas.width - half, (p / canvas.width | 0) - half);
  }
  return masks[kind];
}
function asNumber(colour, alpha) {  // "#rrggbb" as the bytes of a pixel
  const value = parseInt(colour.slice(1), 16), [red, green, blue] = [value >> 16, value >> 8 & 255, value & 255];
  return (alpha << 24 | blue << 16 | green << 8 | red) >>> 0;
}
function dotsInto(context, width, height) {
  const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  const looks = [];  // by group or level, faint and strong
  return {
    point(i, x, y, strong) {
      const group = colouring.values ? levelOf(colouring, i) : colouring.groups[i] + 1, key = 2 * group + (strong ? 1 : 0);
      if (!looks[key]) {
        const [colour, kind] = look(i);
        looks[key] = { offsets: mask(kind), value: asNumber(colour, Math.round(255 * (strong ? STRONG : FAINT))) };
      }
      const { offsets, value } = looks[key];
      x = Math.round(x - .5);
      y = Math.round(y - .5);
      for (let k = 0; k < offsets.length; k += 2) {
        const column = x + offsets[k], row = y + offsets[k + 1];
        if (column >= 0 && row >= 0 && column < width && row < height) pixels[row * width + column] = value;
      }
    },
    done() { context.putImageData(image, 0, 0); },
  };
}
