import { ConfigError } from '@switchyard/shared/runtime';

/** What viewers are told of when to show a picture (playout-delay extension), milliseconds after it came. */
export interface PlayoutDelay {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The extension counts in steps of 10 ms, 12 bits each. */
export const PLAYOUT_DELAY_MAX_MS: number = 40_950;
const ENTRY = /^([^=]+)=(\d{1,5})-(\d{1,5})$/;
const ANY_ROOM = '*';

/** Which rooms want which delay, from `webrtc.playoutDelay`: `room=min-max`, `*=min-max` for all others. */
export class PlayoutDelays {
  readonly #byRoom = new Map<string, PlayoutDelay>();

  /** @throws ConfigError naming an entry that makes no sense. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [, room = '', min, max] = ENTRY.exec(entry) ?? [];
      const delay = { minMs: Number(min), maxMs: Number(max) };
      if (!(delay.minMs <= delay.maxMs && delay.maxMs <= PLAYOUT_DELAY_MAX_MS))
        throw new ConfigError(
          `webrtc.playoutDelay: "${entry}" must be room=min-max in milliseconds, at most ${PLAYOUT_DELAY_MAX_MS}.`,
        );
      this.#byRoom.set(room, delay);
    }
  }

  of(room: string): PlayoutDelay | undefined {
    return this.#byRoom.get(room) ?? this.#byRoom.get(ANY_ROOM);
  }
}
