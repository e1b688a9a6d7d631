import type { TrackSource } from '@switchyard/shared/protocol';

/** Voice is told at most this often for a source, milliseconds. */
export const VOICE_INTERVAL_MS: number = 500;
/** Who sent nothing for this long is silent: its mixer slots are free, milliseconds. */
export const SILENT_AFTER_MS: number = 1000;
/** From this level on somebody speaks, dBov. */
export const VOICE_DBOV: number = -40;

/** One audio track of a room, as it is heard on this node. */
export interface Voice {
  readonly source: TrackSource;
  /** Smoothed, dBov. Always that of now, whoever plays it. */
  readonly levelDbov: number;
  /** Time of its last packet, −1 for none. */
  readonly lastPacketMs: number;
  /** The track is published. */
  inRoom: boolean;
  /** When its voice was told last. */
  toldMs: number;
}

/** The audio tracks of one room: who sends, and who is loud. */
export class Voices {
  readonly #all = new Set<Voice>();
  /** Who sent something in the last second, loudest first. */
  readonly speaking: Voice[] = [];

  add(voice: Voice): void {
    voice.inRoom = true;
    this.#all.add(voice);
  }

  remove(voice: Voice): void {
    voice.inRoom = false;
    this.#all.delete(voice);
  }

  /** Sorts anew. @param heard Called for who speaks, at most twice a second for each. */
  update(nowMs: number, heard: (voice: Voice) => void): void {
    const { speaking } = this;
    speaking.length = 0;
    for (const voice of this.#all) {
      if (voice.lastPacketMs < 0 || nowMs - voice.lastPacketMs > SILENT_AFTER_MS) continue;
      insert(speaking, voice);
      if (voice.levelDbov < VOICE_DBOV || nowMs - voice.toldMs < VOICE_INTERVAL_MS) continue;
      if (nowMs - voice.lastPacketMs > VOICE_INTERVAL_MS) continue;
      voice.toldMs = nowMs;
      heard(voice);
    }
  }
}

/** Few send at a time, and their order seldom changes. */
function insert(speaking: Voice[], voice: Voice): void {
  let at = speaking.length;
  speaking.push(voice);
  for (; at > 0; at -= 1) {
    const louder = speaking[at - 1];
    if (louder === undefined || louder.levelDbov >= voice.levelDbov) break;
    speaking[at] = louder;
  }
  speaking[at] = voice;
}
