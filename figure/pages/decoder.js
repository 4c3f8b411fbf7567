// A decoder as a list of steps over its weights. Every map is stored channels last: value (row, column, channel).
const Decoder = (() => {
  const HALVES = (() => {  // what each of the 65,536 half-precision numbers is
    let table = null;
    return () => {
      if (table) return table;
      table = new Float32Array(65536);
      for (let bits = 0; bits < 65536; bits++) {
        const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
        table[bits] = sign * (exponent === 0 ? fraction * 2 ** -24
          : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15));
      }
      return table;
    };
  })();

  function unpack(packed) {  // {type, data} -> typed array
    const text = atob(packed.data), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (packed.type === "f2") {
      const halves = new Uint16Array(bytes.buffer), table = HALVES(), values = new Float32Array(halves.length);
      for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]];
      return values;
    }
    return new { f4: Float32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array }[packed.type](bytes.buffer);
  }

  const ACTIVATIONS = {
    silu: x => x / (1 + Math.exp(-x)), relu: x => (x > 0 ? x : 0), sigmoid: x => 1 / (1 + Math.exp(-x)),
  };

  const STEPS = {
    linear(x, step, weights) {
      const w = weights[step.weight], b = step.bias === null ? null : weights[step.bias];
      const inputs = x.length, out = new Float32Array(w.length / inputs);
      for (let o = 0, at = 0; o < out.length; o++) {
        let sum = b ? b[o] : 0;
        for (let i = 0; i < inputs; i++) sum += w[at++] * x[i];
        out[o] = sum;
      }
      return out;
    },
    conv(x, step, weights) {  // weights (outputs, kernel, kernel, inputs), padded so that the map keeps its size
      const w = weights[step.weight], b = step.bias === null ? null : weights[step.bias];
      const { rows, columns, inputs, outputs, kernel } = step, half = kernel >> 1;
      const out = new Float32Array(rows * columns * outputs);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
        const to = (r * columns + c) * outputs;
        if (b) for (let o = 0; o < outputs; o++) out[to + o] = b[o];
        for (let y = 0; y < kernel; y++) {
          const row = r + y - half;
          if (row < 0 || row >= rows) continue;
          for (let z = 0; z < kernel; z++) {
            const column = c + z - half;
            if (column < 0 || column >= columns) continue;
            const from = (row * columns + column) * inputs, first = (y * kernel + z) * inputs;
            for (let o = 0; o < outputs; o++) {
              let sum = 0;
              const at = o * kernel * kernel * inputs + first;
              for (let i = 0; i < inputs; i++) sum += w[at + i] * x[from + i];
              out[to + o] += sum;
            }
          }
        }
      }
      return out;
    },
    scale(x, step, weights) {
      const s = weights[step.scale], t = weights[step.shift], out = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) out[i] = x[i] * s[i % s.length] + t[i % t.length];
      return out;
    },
    activation(x, step) {
      const f = step.kind === "leaky" ? v => (v > 0 ? v : step.slope * v) : ACTIVATIONS[step.kind];
      return x.map(f);
    },
    add(x, step, weights, values) {
      const y = values[step.other];
      return x.map((v, i) => v + y[i]);
    },
    last(x, step) {  // channels first -> channels last
      const { channels, rows, columns } = step, area = rows * columns, out = new Float32Array(x.length);
      for (let c = 0; c < channels; c++) for (let p = 0; p < area; p++) out[p * channels + c] = x[c * area + p];
      return out;
    },
    spread(x, step) {  // zeros between rows and columns, as a transposed convolution of stride 2 has them
      const { channels, rows, columns } = step, out = new Float32Array(4 * x.length);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
        const from = (r * columns + c) * channels, to = (4 * r * columns + 2 * c) * channels;
        for (let k = 0; k < channels; k++) out[to + k] = x[from + k];
      }
      return out;
    },
    unpatch(x, step) {  // (rows, columns, channels * side * side) -> (height, width, channels)
      const { columns, channels, side, height, width } = step, out = new Float32Array(height * width * channels);
      for (let y = 0; y < height; y++) for (let c = 0; c < width; c++) {
        const from = ((y / side | 0) * columns + (c / side | 0)) * channels * side * side;
        for (let k = 0; k < channels; k++)
          out[(y * width + c) * channels + k] = x[from + (k * side + y % side) * side + c % side];
      }
      return out;
    },
    crop(x, step) {
      const { columns, channels, height, width } = step, out = new Float32Array(height * width * channels);
      for (let y = 0; y < height; y++)
        out.set(x.subarray(y * columns * channels, (y * columns + width) * channels), y * width * channels);
      return out;
    },
  };

  // -> {decode(latents, label): Float32Array (height * width * channels) in [0, 1], height, width, channels, labels}
  function build(packed) {
    const weights = packed.weights.map(unpack);
    const embedding = packed.embedding === null ? null : weights[packed.embedding];
    const decode = (latents, label = 0) => {
      let input = Float32Array.from(latents);
      if (embedding) {
        const size = packed.embedding_size, joined = new Float32Array(input.length + size);
        joined.set(input);
        joined.set(embedding.subarray(label * size, (label + 1) * size), input.length);
        input = joined;
      }
      const values = [input];
      for (const step of packed.steps) values.push(STEPS[step.op](values[step.from], step, weights, values));
      return values[values.length - 1].map(v => Math.min(1, Math.max(0, v)));
    };
    return { decode, height: packed.height, width: packed.width, channels: packed.channels,
      labels: embedding ? embedding.length / packed.embedding_size : 0 };
  }
  return { build, unpack };
})();
