/** Adds up frames with soft clipping: loud moments are rounded, not cut. Pure. */
export function mix(frames: readonly Int16Array[], into: Int16Array): void {
  for (let i = 0; i < into.length; i += 1) {
    let sum = 0;
    for (const frame of frames) sum += frame[i] ?? 0;
    into[i] = soften(sum);
  }
}

const KNEE = 24_000;
const CEILING = 32_767;

function soften(sample: number): number {
  const magnitude = Math.abs(sample);
  if (magnitude <= KNEE) return sample;
  const over = (magnitude - KNEE) / (CEILING - KNEE);
  return Math.sign(sample) * (KNEE + (CEILING - KNEE) * Math.tanh(over));
}
