import type { TrackSource } from '@switchyard/shared/protocol';

/** A source that is this much louder than the quietest slot takes it, decibels. */
const TAKEOVER_DB = 10;
/** A slot is not taken from a speaker sooner than this, milliseconds. */
const HOLD_MS = 300;
/** A slot whose source sent nothing for this long is free, milliseconds. */
const FREE_AFTER_MS = 1000;

/** A source of the room as the mixer hears it. */
export interface MixerSource {
  readonly source: TrackSource;
  /** Smoothed, dBov. */
  readonly levelDbov: number;
  /** Time of its last packet, −1 for none. */
  readonly lastPacketMs: number;
}

interface Slot {
  source: MixerSource | undefined;
  sinceMs: number;
}

/** Which source each slot of one listener plays. */
export class MixerSlots {
  readonly #slots: Slot[];

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, () => ({ source: undefined, sinceMs: 0 }));
  }

  /**
   * @param sources Who may be heard: everybody in the room but the listener.
   * @param change Called for each slot whose source changes; undefined frees it.
   */
  update(
    sources: readonly MixerSource[],
    nowMs: number,
    change: (slot: number, source: TrackSource | undefined) => void,
  ): void {
    const speaking = sources.filter(
      ({ lastPacketMs }) => lastPacketMs >= 0 && nowMs - lastPacketMs <= FREE_AFTER_MS,
    );
    const heard = new Set<MixerSource>();
    this.#slots.forEach((slot, index) => {
      if (slot.source === undefined) return;
      const still = speaking.find((each) => isSame(each.source, slot.source?.source));
      if (still === undefined) change(index, undefined);
      else heard.add(still);
      slot.source = still;
    });
    const waiting = speaking.filter((each) => !heard.has(each)).toSorted((a, b) => b.levelDbov - a.levelDbov);
    for (const candidate of waiting) {
      const index = this.#slotFor(candidate, nowMs);
      const slot = this.#slots[index];
      if (slot === undefined) return;
      slot.source = candidate;
      slot.sinceMs = nowMs;
      change(index, candidate.source);
    }
  }

  /** A free slot, or that of somebody much quieter; −1 for none. */
  #slotFor(candidate: MixerSource, nowMs: number): number {
    const free = this.#slots.findIndex(({ source }) => source === undefined);
    if (free >= 0) return free;
    let quietest = -1;
    let level = candidate.levelDbov - TAKEOVER_DB;
    this.#slots.forEach(({ source, sinceMs }, index) => {
      if (source === undefined || source.levelDbov > level || nowMs - sinceMs < HOLD_MS) return;
      quietest = index;
      level = source.levelDbov;
    });
    return quietest;
  }
}

const isSame = (a: TrackSource, b: TrackSource | undefined): boolean =>
  a.peer === b?.peer && a.track === b.track;
