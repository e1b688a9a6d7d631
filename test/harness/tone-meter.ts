import { readFileSync } from 'node:fs';

/** Strength of one frequency in samples, 0…1 (Goertzel). */
export function toneStrength(samples: Int16Array, sampleRate: number, hertz: number): number {
  const omega = (2 * Math.PI * hertz) / sampleRate;
  const coefficient = 2 * Math.cos(omega);
  let before = 0;
  let last = 0;
  let energy = 0;
  for (const sample of samples) {
    const next = sample + coefficient * last - before;
    before = last;
    last = next;
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  const power = last * last + before * before - coefficient * last * before;
  return Math.min(1, power / ((energy * samples.length) / 2));
}

/** PCM of a WAV file that may still be written to: 16 bits, the first channel. */
export function readWav(path: string): { readonly sampleRate: number; readonly samples: Int16Array } {
  const bytes = readFileSync(path);
  const format = bytes.indexOf('fmt ');
  const data = bytes.indexOf('data');
  if (format < 0 || data < 0) return { sampleRate: 8000, samples: new Int16Array(0) };
  const channels = bytes.readUInt16LE(format + 10);
  const sampleRate = bytes.readUInt32LE(format + 12);
  const count = Math.floor((bytes.length - data - 8) / 2 / channels);
  const samples = Int16Array.from({ length: count }, (_, i) =>
    bytes.readInt16LE(data + 8 + i * 2 * channels),
  );
  return { sampleRate, samples };
}
