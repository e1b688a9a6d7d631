import { AacToOpusFfmpeg } from './aac-to-opus-ffmpeg.ts';
import { AacToOpusNodeAv } from './aac-to-opus-node-av.ts';
import { loadNodeAv } from './node-av.ts';

/** One Opus packet of 20 ms. @param ptsMs Of its first sample. @param levelDbov Loudness. */
export type OpusSink = (packet: Uint8Array, ptsMs: number, levelDbov: number) => void;

/** AAC access units (without ADTS, as FLV has them) → Opus. */
export interface AacToOpus {
  push(accessUnit: Uint8Array, ptsMs: number): void;
  close(): void;
}

/** Which backend is used. */
export type TranscodeBackend = 'node-av' | 'ffmpeg';

/**
 * @param config AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
 * @throws Error with a sentence when neither backend is there or the configuration is not AAC.
 */
export async function createAacToOpus(
  config: Uint8Array,
  sink: OpusSink,
  backend?: TranscodeBackend,
): Promise<AacToOpus> {
  const loaded = backend === 'ffmpeg' ? undefined : await loadNodeAv();
  if (loaded !== undefined) return await AacToOpusNodeAv.create(loaded.av, loaded.constants, config, sink);
  return await AacToOpusFfmpeg.create(config, sink);
}
