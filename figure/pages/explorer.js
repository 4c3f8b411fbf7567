// What the decoder makes of a place, and of the way between two images
let place = null;
function live(where) {
  place = where;
  if (live.asked) return;
  live.asked = requestAnimationFrame(() => {
    live.asked = null;
    drawDecoded(liveCanvas, flat.decoder, flat.decoder.decode(place, Number($("x-live-label").value || 0)));
    $("x-live-text").textContent = `latent 1: ${place[0].toFixed(2)}, latent 2: ${place[1].toFixed(2)}${
      epochs.shown === null ? "" : " (decoded by the network as it is kept)"}`;
  });
}
const walk = { from: -1, to: -1, part: 0, playing: null, boxes: [] };
const walked = spaces.filter(space => space.decoder && space.vectors);
function setWalk(end, i) {
  walk[end] = i;
  const ready = walk.from >= 0 && walk.to >= 0;
  $("x-walk").disabled = $("x-play").disabled = !ready;
  const named = j => (j < 0 ? "…" : `${nameOf(j)}${labels ? ` (${className(j)})` : ""}`);
  $("x-walk-text").textContent = `from ${named(walk.from)} to ${named(walk.to)}`;
  if (ready) step(0);
}
function between(space, t) {
  const at = i => space.vectors.subarray(i * space.size, (i + 1) * space.size), [a, b] = [at(walk.from), at(walk.to)];
  return a.map((v, k) => v + t * (b[k] - v));
}
function step(part) {
  walk.part = part;
  $("x-walk").value = String(Math.round(100 * part));
  const label = labels ? labels[part < .5 ? walk.from : walk.to] : 0;
  walked.forEach((space, k) => drawDecoded(walk.boxes[k], space.decoder, space.decoder.decode(between(space, part), label), 112));
  for (const panel of panels) panel.drawMarks();
}
function play() {
  if (walk.playing) { cancelAnimationFrame(walk.playing); walk.playing = null; $("x-play").textContent = "Play"; return; }
  $("x-play").textContent = "Stop";
  const begun = performance.now();
  const next = () => {
    const t = (performance.now() - begun) / 4000;
    step(Math.min(1, t));
    if (t < 1) walk.playing = requestAnimationFrame(next);
    else { walk.playing = null; $("x-play").textContent = "Play"; }
  };
  walk.playing = requestAnimationFrame(next);
}

// Everything is put together
const panels = spaces.map(space => new Panel(space));
colourings.forEach((each, k) => $("x-colour").append(new Option(each.title, k)));
$("x-colour").addEventListener("change", () => { colouring = colourings[$("x-colour").value]; drawLegend(); panels.forEach(panel => panel.draw()); });
const mapped = panels.find(panel => panel.space.maps.length > 1);
$("x-map-choice").hidden = !mapped;
if (mapped) {
  mapped.space.maps.forEach((map, k) => $("x-map").append(new Option(map.name, k)));
  $("x-map").addEventListener("change", () => { leaveEpochs(); mapped.setMap(mapped.space.maps[$("x-map").value]); });
}
listenToEpochs();
$("x-find").addEventListener("input", filter);
$("x-select-found").addEventListener("click", () => select(all.filter(i => visible[i])));
$("x-whole").addEventListener("click", () => panels.forEach(panel => { panel.whole(); panel.draw(); }));
$("x-csv").addEventListener("click", saveCsv);
$("x-clear").addEventListener("click", () => { select([]); $("x-selected-title").focus(); });
$("x-more").addEventListener("click", showMore);
$("x-toggle").addEventListener("click", () => toggle(described));
$("x-start").addEventListener("click", () => setWalk("from", described));
$("x-end").addEventListener("click", () => setWalk("to", described));
$("x-walk").addEventListener("input", () => step($("x-walk").value / 100));
$("x-play").addEventListener("click", play);
if (walked.length) {
  $("x-walk-card").hidden = false;
  for (const space of walked) {
    const figure = newPicture(space.decoder.width, space.decoder.height, 112, `bottleneck ${space.size}`);
    figure.canvas.setAttribute("aria-label", `On the way in bottleneck ${space.size}`);
    walk.boxes.push(figure.canvas);
    $("x-walk-pictures").append(figure);
  }
}
if (flat) {
  if (!liveCanvas) addLive();
  $("x-live-text").hidden = false;
  if (flat.decoder.labels) {
    $("x-live-class").hidden = false;
    data.class_names.slice(0, flat.decoder.labels).forEach((name, k) => $("x-live-label").append(new Option(name, k)));
    $("x-live-label").addEventListener("change", () => place && live(place));
  }
  live(panels.find(panel => panel.space === flat).centre);
}
darkPage.addEventListener("change", () => { stamps.clear(); filter(); });
filter();

// For tests, and for whoever looks into the page
window.explorer = Object.freeze({
  count,
  selection: () => [...chosen],
  pointed: () => pointed,
  place(which, i) {
    const panel = panels[which], box = panel.marks.getBoundingClientRect(), [x, y] = panel.place(i);
    return [box.left + x, box.top + y];
  },
  toData: (which, x, y) => {
    const box = panels[which].marks.getBoundingClientRect();
    return panels[which].toData(x - box.left, y - box.top);
  },
  decode: (size, latents, label) => [...spaces.find(space => space.size === size).decoder.decode(latents, label)],
  redraw: () => { const begun = performance.now(); panels.forEach(panel => { panel.drawPoints(); panel.drawMarks(); }); return performance.now() - begun; },
  ready: performance.now(),  // milliseconds since the page was asked for
  csv: asCsv,
});
