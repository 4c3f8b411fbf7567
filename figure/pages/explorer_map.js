function reach(points, axis, part = 0) {  // from where to where points go along an axis, but for a part at either end
  const values = [];
  for (let i = axis; i < points.length; i += 2) if (!isNaN(points[i])) values.push(points[i]);
  const sorted = Float32Array.from(values).sort(), beyond = Math.floor(part * sorted.length);
  return [sorted[beyond], sorted[sorted.length - 1 - beyond]];
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
    const [[left, right], [low, high]] = this.map.reach || [0, 1].map(axis => reach(this.map.points, axis));
    this.centre = [(left + right) / 2, (low + high) / 2];
    this.extent = [Math.max(right - left, 1e-9), Math.max(high - low, 1e-9)];
    this.zoom = 1;
    this.cross = null;
    this.showTitle();
  }
  showTitle() {
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
  has(i) { return !isNaN(this.map.points[2 * i]); }  // after an epoch: whether the image was followed
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
    const [w, h] = [this.points.width, this.points.height], [cx, cy] = this.centre, any = chosen.length > 0;
    const draw = count > MANY ? dotsInto(context, w, h) : stampsInto(context, w, h);
    for (const strong of any ? [false, true] : [true]) {
      for (let k = 0; k < count; k++) {
        const i = ORDER[k];
        if (!visible[i] || (any && Boolean(selected[i]) !== strong)) continue;
        const x = w / 2 + (points[2 * i] - cx) * s, y = h / 2 - (points[2 * i + 1] - cy) * s;
        if (x > -9 && y > -9 && x < w + 9 && y < h + 9) draw.point(i, x, y, strong);
      }
    }
    draw.done();
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
      if (!this.cross) this.cross = kept >= 0 && this.has(kept) ? [...this.map.points.subarray(2 * kept, 2 * kept + 2)] : [...this.centre];
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
        if (visible[i] && this.has(i)) { goTo(i); break; }
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
