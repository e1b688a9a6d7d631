/** Taps of the low-pass filter per phase. */
const TAPS_PER_PHASE = 16;

/** Windowed sinc at `factor` times the lower rate, cut a little below its Nyquist frequency. */
function lowPass(factor: number): Float32Array {
  const length = TAPS_PER_PHASE * factor;
  const taps = new Float32Array(length);
  const cutoff = 0.45 / factor;
  let sum = 0;
  for (let i = 0; i < length; i += 1) {
    const x = i - (length - 1) / 2;
    const sinc = x === 0 ? 2 * Math.PI * cutoff : Math.sin(2 * Math.PI * cutoff * x) / x;
    const blackman =
      0.42 -
      0.5 * Math.cos((2 * Math.PI * i) / (length - 1)) +
      0.08 * Math.cos((4 * Math.PI * i) / (length - 1));
    taps[i] = sinc * blackman;
    sum += taps[i] ?? 0;
  }
  for (let i = 0; i < length; i += 1) taps[i] = (taps[i] ?? 0) / sum;
  return taps;
}

const clamp = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)));

/** Mono samples at a rate → `factor` times that rate (8 → 48 kHz is 6). Streaming: keeps its history. */
export class Upsampler {
  readonly #factor: number;
  readonly #taps: Float32Array;
  readonly #history = new Float32Array(TAPS_PER_PHASE);

  constructor(factor: number) {
    this.#factor = factor;
    this.#taps = lowPass(factor);
  }

  process(input: Int16Array, output: Int16Array): void {
    const factor = this.#factor;
    const history = this.#history;
    for (let i = 0; i < input.length; i += 1) {
      history.copyWithin(1, 0, TAPS_PER_PHASE - 1);
      history[0] = input[i] ?? 0;
      for (let phase = 0; phase < factor; phase += 1) {
        let sum = 0;
        for (let tap = 0; tap < TAPS_PER_PHASE; tap += 1)
          sum += (history[tap] ?? 0) * (this.#taps[tap * factor + phase] ?? 0);
        output[i * factor + phase] = clamp(sum * factor);
      }
    }
  }
}

/** Mono samples at a rate → one `factor`th of it (48 → 8 kHz is 6). Streaming: keeps its history. */
export class Downsampler {
  readonly #factor: number;
  readonly #taps: Float32Array;
  readonly #history: Float32Array;

  constructor(factor: number) {
    this.#factor = factor;
    this.#taps = lowPass(factor);
    this.#history = new Float32Array(this.#taps.length);
  }

  /** @param input A multiple of `factor` samples. */
  process(input: Int16Array, output: Int16Array): void {
    const factor = this.#factor;
    const history = this.#history;
    const length = history.length;
    for (let i = 0; i < input.length; i += factor) {
      history.copyWithin(0, factor);
      for (let j = 0; j < factor; j += 1) history[length - factor + j] = input[i + j] ?? 0;
      let sum = 0;
      for (let tap = 0; tap < length; tap += 1)
        sum += (history[length - 1 - tap] ?? 0) * (this.#taps[tap] ?? 0);
      output[i / factor] = clamp(sum);
    }
  }
}
