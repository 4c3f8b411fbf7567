// Both latent spaces of a run under the pointer. Reads the JSON of #x-data; every text from it is put in as text.
(() => {
  const holder = document.getElementById("x-data");
  if (!holder) return;
  const data = JSON.parse(holder.textContent), $ = id => document.getElementById(id);
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
  if (!data.spaces.length) return;
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
  const colourOf = number => (number < 0 ? "#9a9a9a" : data.palette[number % data.palette.length]);

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
      context.globalAlpha = matchMedia("(prefers-color-scheme: dark)").matches ? .8 : .35;  // the palette is made for white
      context.stroke();
      stamps.set(key, canvas);
    }
    return stamps.get(key);
  }

  // A panel: points on one canvas, what moves with the pointer on another above it
  class Panel {
    constructor(space) {
      this.space = space;
      this.map = space.maps[0];
      this.caption = element("figcaption", { id: `x-title-${space.size}` });
      this.points = element("canvas");
      this.marks = element("canvas", { tabIndex: 0 });
      this.points.setAttribute("aria-hidden", "true");
      this.marks.setAttribute("role", "application");
      this.marks.setAttribute("aria-roledescription", "map of images");
      this.marks.setAttribute("aria-labelledby", this.caption.id);
      this.marks.setAttribute("aria-describedby", "x-help");
      this.plot = element("div", { className: "plot" }, this.points, this.marks);
      $("x-panels").append(element("figure", {}, this.caption, this.plot));
      this.drag = null;
      this.cross = null;
      this.box = null;
      this.whole();
      this.listen();
      new ResizeObserver(() => this.resize()).observe(this.plot);
    }
    setMap(map) {
      this.map = map;
      this.whole();
      this.resize();
    }
    whole() {
      const { points } = this.map;
      let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
      for (let i = 0; i < count; i++) {
        left = Math.min(left, points[2 * i]); right = Math.max(right, points[2 * i]);
        low = Math.min(low, points[2 * i + 1]); high = Math.max(high, points[2 * i + 1]);
      }
      this.centre = [(left + right) / 2, (low + high) / 2];
      this.extent = [Math.max(right - left, 1e-9), Math.max(high - low, 1e-9)];
      this.zoom = 1;
      this.cross = null;
      this.caption.textContent = this.map.title;
    }
    resize() {
      const box = this.plot.getBoundingClientRect();
      if (!box.width) return;
      [this.width, this.height] = [box.width, box.height];
      for (const canvas of [this.points, this.marks]) {
        canvas.width = Math.round(box.width * ratio);
        canvas.height = Math.round(box.height * ratio);
      }
      this.draw();
    }
    get scale() {  // equal on both axes
      return .92 * this.zoom * Math.min(this.width / this.extent[0], this.height / this.extent[1]);
    }
    place(i) { return this.toScreen(this.map.points[2 * i], this.map.points[2 * i + 1]); }
    toScreen(x, y) {
      return [this.width / 2 + (x - this.centre[0]) * this.scale, this.height / 2 - (y - this.centre[1]) * this.scale];
    }
    toData(x, y) {
      return [this.centre[0] + (x - this.width / 2) / this.scale, this.centre[1] - (y - this.height / 2) / this.scale];
    }
    draw() {
      if (this.asked) return;
      this.asked = requestAnimationFrame(() => { this.asked = null; this.drawPoints(); this.drawMarks(); });
    }
    drawPoints() {
      if (!this.width) return;
      const context = this.points.getContext("2d"), { points } = this.map, s = this.scale * ratio;
      context.clearRect(0, 0, this.points.width, this.points.height);
      const [w, h] = [this.points.width, this.points.height], any = chosen.length > 0, level = colouring.values;
      const [cx, cy] = this.centre;
      for (let k = 0; k < count; k++) {
        const i = ORDER[k];
        if (!visible[i]) continue;
        const x = w / 2 + (points[2 * i] - cx) * s, y = h / 2 - (points[2 * i + 1] - cy) * s;
        if (x < -9 || y < -9 || x > w + 9 || y > h + 9) continue;
        const group = level ? 0 : colouring.groups[i];
        const image = level ? stamp(data.scale[levelOf(colouring, i)], 0) : stamp(colourOf(group), group < 0 ? 0 : group % 5);
        context.globalAlpha = any && !selected[i] ? .13 : .92;
        context.drawImage(image, x - image.width / 2, y - image.height / 2);
      }
      context.globalAlpha = 1;
      if (this.map.axes) this.drawAxes(context);
    }
    drawAxes(context) {
      const step = (reach => {
        const power = 10 ** Math.floor(Math.log10(reach)), part = reach / power;
        return power * (part > 5 ? 2 : part > 2 ? 1 : .5);
      })(this.width / this.scale);
      context.save();
      context.scale(ratio, ratio);
      context.fillStyle = ink("--muted");
      context.font = "11px system-ui, sans-serif";
      const [left, low] = this.toData(0, this.height), [right, high] = this.toData(this.width, 0);
      const text = v => String(+v.toPrecision(4));
      context.textAlign = "center";
      for (let v = Math.ceil(left / step) * step; v < right; v += step)
        context.fillText(text(v), this.toScreen(v, 0)[0], this.height - 4);
      context.textAlign = "left";
      for (let v = Math.ceil(low / step) * step; v < high; v += step) context.fillText(text(v), 4, this.toScreen(0, v)[1] + 4);
      context.restore();
    }
    drawMarks() {
      if (!this.width) return;
      const context = this.marks.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, this.width, this.height);
      const ring = (i, r, colour, wide) => {
        if (i < 0) return;
        const [x, y] = this.place(i);
        context.beginPath();
        context.arc(x, y, r, 0, 7);
        context.lineWidth = wide + 2;
        context.strokeStyle = ink("--paper");
        context.stroke();
        context.lineWidth = wide;
        context.strokeStyle = colour;
        context.stroke();
      };
      const current = pointed >= 0 ? pointed : kept, strong = ink("--ink");
      if (current >= 0 && this.space.near)
        for (const i of neighbours(this.space, current)) ring(i, radius + 2, ink("--link"), 1.5);
      if (walk.from >= 0 && walk.to >= 0 && this.space === flat) {
        const [a, b] = [this.place(walk.from), this.place(walk.to)];
        context.strokeStyle = strong;
        context.lineWidth = 1.5;
        context.beginPath();
        context.moveTo(...a);
        context.lineTo(...b);
        context.stroke();
        const t = walk.part, [x, y] = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
        context.fillStyle = strong;
        context.fillRect(x - 4, y - 4, 8, 8);
      }
      ring(kept, radius + 5, ink("--warn"), 3);
      ring(pointed, radius + 5, strong, 2);
      context.strokeStyle = strong;
      context.lineWidth = 1;
      if (this.cross && document.activeElement === this.marks) {
        const [x, y] = this.toScreen(...this.cross);
        context.beginPath();
        context.moveTo(x - 10, y); context.lineTo(x + 10, y); context.moveTo(x, y - 10); context.lineTo(x, y + 10);
        context.stroke();
      }
      const outline = this.outline();
      if (outline) {
        context.setLineDash([5, 4]);
        context.beginPath();
        outline.forEach(([x, y], k) => context[k ? "lineTo" : "moveTo"](x, y));
        context.closePath();
        context.stroke();
        context.setLineDash([]);
      }
    }
    outline() {  // of the lasso or box that is being drawn, on the screen
      const corners = ([a, b], [c, d]) => [[a, b], [c, b], [c, d], [a, d]];
      if (this.box && this.cross) return corners(this.toScreen(...this.box), this.toScreen(...this.cross));
      if (!this.drag || this.drag.kind === "move" || this.drag.path.length < 2) return null;
      return this.drag.kind === "lasso" ? this.drag.path : corners(this.drag.path[0], this.drag.path.at(-1));
    }
    nearest(x, y, reach = 16) {  // the visible image nearest to a place on the screen
      const { points } = this.map, [u, v] = this.toData(x, y);
      let best = -1, least = (reach / this.scale) ** 2;
      for (let i = 0; i < count; i++) {
        if (!visible[i]) continue;
        const a = points[2 * i] - u, b = points[2 * i + 1] - v, away = a * a + b * b;
        if (away < least) { least = away; best = i; }
      }
      return best;
    }
    inside(outline) {
      const path = outline.map(([x, y]) => this.toData(x, y)), { points } = this.map, found = [];
      for (let i = 0; i < count; i++) {
        if (!visible[i]) continue;
        const x = points[2 * i], y = points[2 * i + 1];
        let within = false;
        for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
          const [ax, ay] = path[a], [bx, by] = path[b];
          if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) within = !within;
        }
        if (within) found.push(i);
      }
      return found;
    }
    zoomBy(factor, x = this.width / 2, y = this.height / 2) {
      const before = this.toData(x, y);
      this.zoom = Math.max(.5, Math.min(200, this.zoom * factor));
      const after = this.toData(x, y);
      this.centre = [this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]];
      this.draw();
    }
    listen() {
      const at = event => {
        const box = this.marks.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
      };
      const { marks } = this;
      marks.addEventListener("pointerdown", event => {
        if (event.button) return;
        marks.setPointerCapture(event.pointerId);
        this.drag = { kind: dragging(), path: [at(event)], centre: this.centre };
      });
      marks.addEventListener("pointermove", event => {
        const here = at(event);
        if (this.drag) {
          this.drag.path.push(here);
          if (this.drag.kind === "move") {
            const [x, y] = this.drag.path[0];
            this.centre = [this.drag.centre[0] - (here[0] - x) / this.scale, this.drag.centre[1] + (here[1] - y) / this.scale];
            this.draw();
          } else this.drawMarks();
          return;
        }
        point(this.nearest(...here));
        if (this.space === flat) live(this.toData(...here));
      });
      marks.addEventListener("pointerup", event => {
        if (!this.drag) return;
        const { kind, path } = this.drag, outline = this.outline(), [x, y] = path[0], [u, v] = at(event);
        this.drag = null;
        if (Math.hypot(u - x, v - y) < 4 && path.length < 8) keep(this.nearest(u, v));
        else if (kind !== "move" && outline) select(this.inside(outline), event.shiftKey);
        this.drawMarks();
      });
      marks.addEventListener("pointerleave", () => { if (!this.drag) point(-1); });
      marks.addEventListener("wheel", event => {
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 400), ...at(event));
      }, { passive: false });
      marks.addEventListener("focus", () => {
        if (!this.cross) this.cross = kept >= 0 ? [...this.map.points.subarray(2 * kept, 2 * kept + 2)] : [...this.centre];
        this.drawMarks();
      });
      marks.addEventListener("blur", () => { this.box = null; this.drawMarks(); });
      marks.addEventListener("keydown", event => this.key(event));
    }
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      const current = pointed >= 0 ? pointed : kept, step = (event.shiftKey ? 40 : 8) / this.scale;
      const goTo = i => {
        this.cross = [...this.map.points.subarray(2 * i, 2 * i + 2)];
        point(i, true);
      };
      if (event.key in arrows) {
        const [x, y] = arrows[event.key];
        this.cross = [this.cross[0] + x * step, this.cross[1] + y * step];
        point(this.nearest(...this.toScreen(...this.cross)), true);
        if (this.space === flat) live(this.cross);
      } else if (event.key === "n" || event.key === "p") {
        const by = event.key === "n" ? 1 : count - 1;
        let i = current < 0 ? (event.key === "n" ? count - 1 : 0) : current;
        for (let tries = 0; tries < count; tries++) {
          i = (i + by) % count;
          if (visible[i]) { goTo(i); break; }
        }
      } else if (event.key === "Enter") keep(current);
      else if (event.key === " ") { if (current >= 0) toggle(current); }
      else if (event.key === "b") {
        if (this.box) {
          const outline = this.outline();
          this.box = null;
          select(this.inside(outline), event.shiftKey);
        } else this.box = [...this.cross];
      } else if (event.key === "+" || event.key === "=") this.zoomBy(1.4, ...this.toScreen(...this.cross));
      else if (event.key === "-") this.zoomBy(1 / 1.4, ...this.toScreen(...this.cross));
      else if (event.key === "0") { this.whole(); this.cross = [...this.centre]; this.draw(); }
      else if (event.key === "Escape") { if (this.box) this.box = null; else select([]); }
      else return;
      event.preventDefault();
      this.drawMarks();
    }
  }
  const dragging = () => document.querySelector("input[name=x-drag]:checked").value;
  const neighbours = (space, i) => space.near.subarray(i * space.near_count, (i + 1) * space.near_count).filter(j => j >= 0);

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
    $("x-legend-title").textContent = colouring.title === "class" ? "Classes" : `Colour: ${colouring.title}`;
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

  // What the decoder makes of a place, and of the way between two images
  let place = null;
  function live(where) {
    place = where;
    if (live.asked) return;
    live.asked = requestAnimationFrame(() => {
      live.asked = null;
      drawDecoded(liveCanvas, flat.decoder, flat.decoder.decode(place, Number($("x-live-label").value || 0)));
      $("x-live-text").textContent = `latent 1: ${place[0].toFixed(2)}, latent 2: ${place[1].toFixed(2)}`;
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
    $("x-map").addEventListener("change", () => mapped.setMap(mapped.space.maps[$("x-map").value]));
  }
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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { stamps.clear(); filter(); });
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
})();
