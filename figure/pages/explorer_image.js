// The image that is pointed at, or kept
const SIDE = 96;
const boxes = [];
let liveCanvas = null;
if (data.pictures) {
  const add = (pictures, caption) => {
    const figure = newPicture(pictures.width, pictures.height, SIDE, caption);
    $("x-pictures").append(figure);
    boxes.push({ pictures, canvas: figure.canvas, caption });
  };
  add(data.pictures, "original");
  for (const space of spaces) {
    for (const made of space.made || []) add(made.pictures, made.title);
    if (space === flat) addLive();  // below the original: each row begins with one and goes on with what is made
  }
}
function addLive() {
  const figure = newPicture(flat.decoder.width, flat.decoder.height, SIDE, "decoded at this place of 2");
  liveCanvas = figure.canvas;
  liveCanvas.id = "x-live";
  liveCanvas.setAttribute("aria-label", "What the decoder of 2 makes of the place under the pointer");
  $("x-pictures").append(figure);
}
function point(i, aloud = false) {
  if (i === pointed) return;
  pointed = i;
  if (i >= 0) describe(i);
  else if (kept >= 0) describe(kept);
  for (const panel of panels) panel.drawMarks();
  if (aloud && i >= 0) $("x-said").textContent = `${nameOf(i)}${labels ? `, class ${className(i)}` : ""}`;
}
function keep(i) {
  kept = i;
  if (i >= 0) describe(i);
  for (const panel of panels) panel.drawMarks();
}
let described = -1;
function describe(i) {
  if (described === i) return;
  described = i;
  $("x-image-title").textContent = nameOf(i);
  for (const { canvas, pictures, caption } of boxes) {
    canvas.setAttribute("aria-label", `${caption} of ${nameOf(i)}`);
    drawInto(canvas, pictures, i);
  }
  const facts = [];
  if (labels) facts.push(["class", className(i)]);
  for (const each of colourings) {
    if (each.groups && each.title !== "class" && each.groups !== labels && data.clusters.length)
      facts.push([each.title, each.groups[i] < 0 ? "none" : each.names[each.groups[i]]]);
    if (each.values) facts.push([each.title, each.values[i].toPrecision(3)]);
  }
  if (data.test_rows) facts.push(["test row", String(testRows[i])]);
  $("x-facts").replaceChildren(...facts.flatMap(([term, text]) =>
    [element("dt", { textContent: term }), element("dd", { textContent: text })]));
  for (const id of ["x-start", "x-end"]) $(id).disabled = !spaces.some(space => space.decoder && space.vectors);
  $("x-toggle").disabled = false;
  $("x-toggle").textContent = selected[i] ? "Take out of the selection" : "Select";
  $("x-near").replaceChildren(...spaces.filter(space => space.near).flatMap(space => {
    const found = [...neighbours(space, i)];
    const same = labels && found.length ? `, ${found.filter(j => labels[j] === labels[i]).length} of ${found.length} of its class` : "";
    return [element("p", { className: "muted", textContent: `nearest in bottleneck ${space.size}${same}` }),
      element("div", { className: "near" }, ...found.map(j => thumbnail(j, 40)))];
  }));
}
const testRows = data.test_rows && Decoder.unpack(data.test_rows);

// The selection
function select(found, adding = false) {
  if (!adding) selected.fill(0);
  for (const i of found) selected[i] = 1;
  chosen = all.filter(i => selected[i]);
  showSelection();
}
function toggle(i) {
  selected[i] = 1 - selected[i];
  chosen = all.filter(j => selected[j]);
  $("x-toggle").textContent = selected[i] ? "Take out of the selection" : "Select";
  showSelection();
}
const SHEET = 120;
let onSheet = 0;
function showSelection() {
  const n = chosen.length, text = n ? `${n.toLocaleString("en")} of ${count.toLocaleString("en")} images selected` : "Nothing selected";
  $("x-selected-title").textContent = text;
  $("x-said").textContent = text;
  $("x-csv").disabled = $("x-clear").disabled = !n;
  $("x-counts").replaceChildren();
  if (n && labels) {
    const counts = new Map(), there = new Map();
    for (const i of chosen) counts.set(labels[i], (counts.get(labels[i]) || 0) + 1);
    for (let i = 0; i < count; i++) there.set(labels[i], (there.get(labels[i]) || 0) + 1);
    const rows = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 30).map(([label, found]) => element("tr", {},
      element("th", { scope: "row", textContent: data.class_names[label] }), element("td", { textContent: String(found) }),
      element("td", { textContent: `${(100 * found / n).toFixed(1)}%` }),
      element("td", { textContent: `${(100 * found / there.get(label)).toFixed(1)}%` })));
    const head = element("tr", {}, ...["class", "selected", "of the selection", "of the class"].map(name =>
      element("th", { scope: "col", textContent: name })));
    $("x-counts").append(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
  }
  onSheet = 0;
  $("x-sheet").replaceChildren();
  showMore();
  for (const panel of panels) panel.draw();
}
function showMore() {
  const next = chosen.slice(onSheet, onSheet + SHEET);
  onSheet += next.length;
  $("x-sheet").append(...next.map(i => thumbnail(i, 48)));
  $("x-more").hidden = onSheet >= chosen.length;
}
function asCsv() {
  const cell = value => {
    let text = String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const others = colourings.filter(each => each.title !== "class" && (each.values || data.clusters.length));
  const header = ["test_row", "sample_id", "class", ...others.map(each => each.title)];
  const rows = chosen.map(i => [testRows ? testRows[i] : i, nameOf(i), className(i),
    ...others.map(each => (each.values ? each.values[i] : each.groups[i] < 0 ? "" : each.names[each.groups[i]]))]);
  return [header, ...rows].map(row => row.map(cell).join(",")).join("\n") + "\n";
}
function saveCsv() {
  const link = element("a", { download: "selection.csv", href: URL.createObjectURL(new Blob([asCsv()], { type: "text/csv" })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// Search, and classes that are put away
const lower = labels && data.class_names.map(name => name.toLowerCase());
function filter() {
  const wanted = $("x-find").value.trim().toLowerCase();
  const classes = labels && lower.map(name => name.includes(wanted));
  shown = 0;
  for (let i = 0; i < count; i++) {
    const found = !wanted || (labels && classes[labels[i]]) || nameOf(i).toLowerCase().includes(wanted);
    visible[i] = found && !(labels && hiddenClasses.has(labels[i])) ? 1 : 0;
    shown += visible[i];
  }
  $("x-said").textContent = `${shown} of ${count} images shown`;
  $("x-select-found").textContent = shown === count ? "Select all" : `Select the ${shown.toLocaleString("en")} shown`;
  drawLegend();
  for (const panel of panels) panel.draw();
}
function drawLegend() {
  const legend = $("x-legend");
  $("x-legend-title").textContent = colouring.title === "class" ? `Classes (${new Set(labels).size})` : `Colour: ${colouring.title}`;
  if (colouring.values) {
    const bar = element("canvas", { width: LEVELS, height: 12 }), context = bar.getContext("2d");
    data.scale.forEach((colour, k) => { context.fillStyle = colour; context.fillRect(k, 0, 1, 12); });
    bar.style.width = "100%";
    legend.replaceChildren(bar, element("p", {
      className: "muted", textContent: `${colouring.low.toPrecision(3)} (left) to ${colouring.high.toPrecision(3)} and more (right)`,
    }));
    return;
  }
  const counts = new Map(), wanted = $("x-find").value.trim().toLowerCase();
  for (let i = 0; i < count; i++) counts.set(colouring.groups[i], (counts.get(colouring.groups[i]) || 0) + 1);
  const isClass = colouring.groups === labels;
  const entries = [...counts.keys()].sort((a, b) => a - b).filter(group =>
    !isClass || !wanted || lower[group].includes(wanted) || group < 0);
  const held = legend.contains(document.activeElement) ? document.activeElement.dataset.group : null;
  legend.replaceChildren(...entries.map(group => {
    const mark = element("canvas", { width: 14 * ratio, height: 14 * ratio }), image = stamp(colourOf(group), group < 0 ? 0 : group % 5);
    mark.style.width = mark.style.height = "14px";
    mark.setAttribute("aria-hidden", "true");
    mark.getContext("2d").drawImage(image, (mark.width - image.width) / 2, (mark.height - image.height) / 2);
    const text = `${group < 0 ? "none" : colouring.names[group]} (${counts.get(group)})`;
    const entry = element("button", { type: "button" }, mark, text);
    entry.dataset.group = group;
    if (isClass) {
      entry.setAttribute("aria-pressed", String(!hiddenClasses.has(group)));
      entry.title = "show or hide this class";
      entry.addEventListener("click", () => {
        if (!hiddenClasses.delete(group)) hiddenClasses.add(group);
        filter();
      });
    } else {
      entry.title = "select these";
      entry.addEventListener("click", () => select(all.filter(i => visible[i] && colouring.groups[i] === group)));
    }
    return entry;
  }));
  if (held !== null) legend.querySelector(`[data-group="${CSS.escape(held)}"]`)?.focus();
}
