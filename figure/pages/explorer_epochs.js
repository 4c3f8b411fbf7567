// Where the same images lay after earlier epochs of the training, on axes that stay; the last of all is as they are kept
const EVERY = 1100, MOVING = 700;  // milliseconds from one epoch to the next, and of these in motion
const slow = matchMedia("(prefers-reduced-motion: reduce)");
const epochs = (() => {
  const followed = spaces.filter(space => space.followed);
  const common = followed.length ? followed[0].followed.epochs.filter(epoch =>
    followed.every(space => space.followed.epochs.includes(epoch))) : [];
  return { list: common, followed, shown: null, from: 0, begun: 0, request: null, playing: null, maps: new Map() };
})();
function unpackEpochs(space) {  // its points after each epoch, NaN for images that were not followed, and as kept
  const { rows, epochs: list, frames, last, title } = space.followed, at = Decoder.unpack(rows);
  const points = epochs.list.map(epoch => {
    const some = Decoder.unpack(frames[list.indexOf(epoch)]), whole = new Float32Array(2 * count).fill(NaN);
    at.forEach((i, k) => { whole[2 * i] = some[2 * k]; whole[2 * i + 1] = some[2 * k + 1]; });
    return whole;
  });
  const kept = Decoder.unpack(last), whole = new Float32Array(2 * count).fill(NaN);
  for (const i of at) { whole[2 * i] = kept[2 * i]; whole[2 * i + 1] = kept[2 * i + 1]; }
  points.push(whole);
  // A few images that were far away for an epoch would press all others together: they may lie beyond the edge
  const reaches = axis => points.map(each => reach(each, axis, each === whole ? 0 : .01));
  const span = [0, 1].map(axis => [Math.min(...reaches(axis).map(([a]) => a)), Math.max(...reaches(axis).map(([, b]) => b))]);
  return { all: points, points: Float32Array.from(whole), reach: span, title, stem: title, axes: true, images: at.length };
}
const epochName = k => (k < epochs.list.length ? `after epoch ${epochs.list[k]}` : "as kept");
function showEpoch(k, moving) {
  const before = epochs.shown === null ? k : epochs.shown;
  if (epochs.shown === null) {
    for (const panel of panels.filter(panel => panel.space.followed)) {
      if (!epochs.maps.has(panel)) epochs.maps.set(panel, unpackEpochs(panel.space));
      panel.usual = panel.map;
      panel.setMap(epochs.maps.get(panel));
    }
    $("x-epoch-back").disabled = false;
  }
  epochs.shown = k;
  $("x-epoch").value = String(k);
  $("x-epoch").setAttribute("aria-valuetext", epochName(k));
  const images = Math.max(...[...epochs.maps.values()].map(map => map.images));
  $("x-epoch-text").textContent = `${epochName(k)}${images < count ? ` (${images.toLocaleString("en")} of ${count.toLocaleString("en")} images were followed)` : ""}`;
  for (const [panel, map] of epochs.maps) {
    map.title = `${map.stem}, ${epochName(k)}: ${map.images.toLocaleString("en")} images`;
    panel.showTitle();
  }
  epochs.from = before;
  epochs.begun = performance.now();
  const tick = () => {
    epochs.request = null;
    const part = moving && !slow.matches && before !== k ? Math.min(1, (performance.now() - epochs.begun) / MOVING) : 1;
    const t = part * part * (3 - 2 * part);
    for (const [panel, map] of epochs.maps) {
      const a = map.all[before], b = map.all[k];
      for (let i = 0; i < b.length; i++) map.points[i] = t < 1 ? a[i] + t * (b[i] - a[i]) : b[i];
      panel.draw();
    }
    if (part < 1) epochs.request = requestAnimationFrame(tick);
  };
  if (epochs.request) cancelAnimationFrame(epochs.request);
  tick();
}
function stopEpochs() {
  clearTimeout(epochs.playing);
  epochs.playing = null;
  $("x-epoch-play").textContent = "Play";
}
function playEpochs() {
  if (epochs.playing) { stopEpochs(); return; }
  $("x-epoch-play").textContent = "Stop";
  const end = epochs.list.length, next = k => {
    showEpoch(k, true);
    epochs.playing = setTimeout(() => (k < end ? next(k + 1) : stopEpochs()), EVERY);
  };
  next(epochs.shown === null || epochs.shown >= end ? 0 : epochs.shown + 1);
}
function leaveEpochs() {
  if (epochs.shown === null) return;
  stopEpochs();
  if (epochs.request) cancelAnimationFrame(epochs.request);
  epochs.shown = epochs.request = null;
  $("x-epoch").value = $("x-epoch").max;
  $("x-epoch").setAttribute("aria-valuetext", epochName(epochs.list.length));
  $("x-epoch-text").textContent = epochName(epochs.list.length);
  for (const panel of epochs.maps.keys()) panel.setMap(panel.usual);
  $("x-epoch-back").disabled = true;
}
function listenToEpochs() {
  if (!epochs.list.length) return;
  $("x-epochs").hidden = false;
  $("x-epoch").max = $("x-epoch").value = String(epochs.list.length);
  $("x-epoch").setAttribute("aria-valuetext", epochName(epochs.list.length));
  $("x-epoch").addEventListener("input", () => { const k = Number($("x-epoch").value); stopEpochs(); showEpoch(k, false); });
  $("x-epoch-play").addEventListener("click", playEpochs);
  $("x-epoch-back").addEventListener("click", () => { leaveEpochs(); $("x-epoch-play").focus(); });
}
