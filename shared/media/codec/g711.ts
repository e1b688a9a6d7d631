/** G.711 µ-law and A-law by table (ITU-T G.711): 8 kHz, one byte a sample. */
export interface G711 {
  decode(bytes: Uint8Array, into: Int16Array): void;
  encode(samples: Int16Array, into: Uint8Array): void;
}

function ulawToLinear(code: number): number {
  const value = ~code & 255;
  const magnitude = (((value & 15) << 3) + 0x84) << ((value >> 4) & 7);
  return (value & 0x80) !== 0 ? 0x84 - magnitude : magnitude - 0x84;
}

function alawToLinear(code: number): number {
  const value = code ^ 0x55;
  const segment = (value >> 4) & 7;
  let magnitude = ((value & 15) << 4) + 8;
  if (segment > 0) magnitude = (magnitude + 0x100) << (segment - 1);
  return (value & 0x80) !== 0 ? magnitude : -magnitude;
}

function linearToUlaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const segment = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 15)) & 255;
}

function linearToAlaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = Math.min(sample < 0 ? -sample - 1 : sample, 32_767);
  const segment = magnitude < 256 ? 0 : 31 - Math.clz32(magnitude) - 7;
  const code = (segment << 4) | ((magnitude >> (segment === 0 ? 4 : segment + 3)) & 15);
  return (sign | code) ^ 0x55;
}

function tables(toLinear: (code: number) => number, fromLinear: (sample: number) => number): G711 {
  const decoded = Int16Array.from({ length: 256 }, (_, code) => toLinear(code));
  const encoded = Uint8Array.from({ length: 65_536 }, (_, index) => fromLinear(index - 32_768));
  return {
    decode(bytes, into) {
      for (let i = 0; i < bytes.length; i += 1) into[i] = decoded[bytes[i] ?? 0] ?? 0;
    },
    encode(samples, into) {
      for (let i = 0; i < samples.length; i += 1) into[i] = encoded[(samples[i] ?? 0) + 32_768] ?? 0;
    },
  };
}

/** PCMU, payload type 0. */
export const PCMU: G711 = tables(ulawToLinear, linearToUlaw);
/** PCMA, payload type 8. */
export const PCMA: G711 = tables(alawToLinear, linearToAlaw);
