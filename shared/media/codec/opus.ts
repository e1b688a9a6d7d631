/** RTP clock rate and native sample rate. */
export const OPUS_RATE: number = 48_000;

/** Frame durations by configuration, in samples at 48 kHz (RFC 6716 §3.1). */
const SILK = [480, 960, 1920, 2880] as const;
const CELT = [120, 240, 480, 960] as const;

function frameSamples(config: number): number {
  if (config < 12) return SILK[config & 3] ?? 960;
  if (config < 16) return (config & 1) === 0 ? 480 : 960;
  return CELT[config & 3] ?? 960;
}

/** Duration of an Opus packet in samples at 48 kHz, 0 when it is malformed (RFC 6716 §3). */
export function opusSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const samples = frameSamples(toc >> 3);
  const code = toc & 3;
  if (code === 0) return samples;
  if (code < 3) return samples * 2;
  const frames = (packet[1] ?? 0) & 0x3f;
  const total = frames * samples;
  // At most 120 ms (RFC 6716 §3.2.5).
  return frames === 0 || total > 5760 ? 0 : total;
}

export const opusChannels = (packet: Uint8Array): 1 | 2 => (((packet[0] ?? 0) & 4) === 0 ? 1 : 2);

/** Payloads up to this length carry no speech: discontinuous transmission (RFC 6716 §2.1.9, RFC 7587 §3.1.3). */
const DTX_MAX_BYTES = 2;

/** Whether the packet only keeps the stream alive while nobody speaks. */
export const isOpusDtx = (packet: Uint8Array): boolean => packet.length <= DTX_MAX_BYTES;
