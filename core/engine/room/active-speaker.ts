import { VOICE_DBOV, type Voice } from './voices.ts';

/** Somebody else is the speaker after having been clearly louder for this long, milliseconds. */
export const TAKEOVER_MS: number = 600;
/** A speaker may pause this long before somebody else is one without being louder, milliseconds. */
export const PAUSE_MS: number = 1500;
/** Nobody is the speaker after this much silence, milliseconds. */
export const SILENCE_MS: number = 10_000;
/** Louder than the speaker by this much is clearly louder, decibels. */
const CLEARLY_DB = 6;

/**
 * Who speaks in a room, with hysteresis: one cough does not take the picture, a pause for breath does not lose it, and
 * the last speaker stays while nobody else says anything.
 */
export class ActiveSpeaker {
  #current: Voice | undefined;
  /** When the speaker was heard last. */
  #heardMs = 0;
  #challenger: Voice | undefined;
  #challengeMs = 0;

  get current(): Voice | undefined {
    return this.#current;
  }

  /** @param speaking Who sends, loudest first. @returns true when the speaker is another one, or none, now. */
  update(speaking: readonly Voice[], nowMs: number): boolean {
    const before = this.#current;
    if (before !== undefined && !before.inRoom) this.#current = undefined;
    const current = this.#current;
    const currentDbov = current !== undefined && isHeard(current, nowMs) ? current.levelDbov : -127;
    if (currentDbov >= VOICE_DBOV) this.#heardMs = nowMs;
    const loudest = speaking[0];
    if (
      loudest !== undefined &&
      loudest !== current &&
      isHeard(loudest, nowMs) &&
      loudest.levelDbov >= VOICE_DBOV
    )
      this.#challenge(loudest, currentDbov, nowMs);
    else this.#challenger = undefined;
    if (this.#current !== undefined && nowMs - this.#heardMs > SILENCE_MS) this.#current = undefined;
    return this.#current !== before;
  }

  #challenge(loudest: Voice, currentDbov: number, nowMs: number): void {
    if (this.#challenger !== loudest) {
      this.#challenger = loudest;
      this.#challengeMs = nowMs;
    }
    const isPause = nowMs - this.#heardMs > PAUSE_MS;
    if (this.#current !== undefined && !isPause && loudest.levelDbov < currentDbov + CLEARLY_DB) {
      this.#challengeMs = nowMs;
      return;
    }
    const waitMs = this.#current === undefined ? TAKEOVER_MS / 2 : TAKEOVER_MS;
    if (nowMs - this.#challengeMs < waitMs) return;
    this.#current = loudest;
    this.#heardMs = nowMs;
    this.#challenger = undefined;
  }
}

/** A level that no packet has confirmed lately is hearsay. */
const isHeard = (voice: Voice, nowMs: number): boolean => nowMs - voice.lastPacketMs <= 500;
