/** Loudness of samples in dBov: 0 is full scale, −127 is silence (RFC 6464). */
export function audioLevelDbov(samples: Int16Array): number {
  if (samples.length === 0) return -127;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / samples.length) / 32_768;
  return rms <= 0 ? -127 : Math.max(-127, Math.round(20 * Math.log10(rms)));
}
