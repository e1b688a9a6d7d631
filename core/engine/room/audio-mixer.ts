import type { TrackSource } from '@switchyard/shared/protocol';
import { SILENT_AFTER_MS, type Voice } from './voices.ts';

/** A source that is this much louder than the quietest slot takes it, decibels. */
export const TAKEOVER_DB: number = 10;
/** A slot is not taken from a speaker sooner than this, milliseconds. */
const HOLD_MS = 300;

interface Slot {
  voice: Voice | undefined;
  sinceMs: number;
}

/** Which source each slot of one listener plays. */
export class MixerSlots {
  readonly #slots: Slot[];

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, () => ({ voice: undefined, sinceMs: 0 }));
  }

  /**
   * @param speaking Who sends, loudest first.
   * @param mayHear Whether this listener hears that source: not oneself, and what was chosen by hand.
   * @param change Called for each slot whose source changes; undefined frees it.
   */
  update(
    speaking: readonly Voice[],
    mayHear: (source: TrackSource) => boolean,
    nowMs: number,
    change: (slot: number, source: TrackSource | undefined) => void,
  ): void {
    this.#slots.forEach((slot, index) => {
      const { voice } = slot;
      if (voice === undefined) return;
      if (voice.inRoom && nowMs - voice.lastPacketMs <= SILENT_AFTER_MS && mayHear(voice.source)) return;
      slot.voice = undefined;
      change(index, undefined);
    });
    for (const candidate of speaking) {
      if (this.#hears(candidate) || !mayHear(candidate.source)) continue;
      const index = this.#slotFor(candidate, nowMs);
      const slot = this.#slots[index];
      // Those behind it are quieter still.
      if (slot === undefined) return;
      slot.voice = candidate;
      slot.sinceMs = nowMs;
      change(index, candidate.source);
    }
  }

  #hears(voice: Voice): boolean {
    for (const slot of this.#slots) if (slot.voice === voice) return true;
    return false;
  }

  /** A free slot, or that of somebody much quieter; −1 for none. */
  #slotFor(candidate: Voice, nowMs: number): number {
    let quietest = -1;
    let level = candidate.levelDbov - TAKEOVER_DB;
    for (const [index, { voice, sinceMs }] of this.#slots.entries()) {
      if (voice === undefined) return index;
      if (voice.levelDbov > level || nowMs - sinceMs < HOLD_MS) continue;
      quietest = index;
      level = voice.levelDbov;
    }
    return quietest;
  }
}
