import { type AvcConfig, readH264Sps } from '@switchyard/shared/media';

const BROWSER_PROFILES: ReadonlySet<number> = new Set([66, 77, 100]);

/** What is known of a stream's order of pictures. */
export type Ordering = 'in-order' | 'reordered' | 'unknown';

/** Whether browsers can play an H.264 stream as it is: from its headers at once, else from its time stamps. */
export class ReorderDetector {
  #ordering: Ordering = 'unknown';
  #lastPtsMs = Number.NEGATIVE_INFINITY;

  get ordering(): Ordering {
    return this.#ordering;
  }

  /** A new configuration record. */
  configure(config: AvcConfig): void {
    const [sps] = config.sps;
    const facts = sps === undefined ? undefined : readH264Sps(sps);
    this.#lastPtsMs = Number.NEGATIVE_INFINITY;
    if (facts === undefined) this.#ordering = 'unknown';
    else if (!BROWSER_PROFILES.has(facts.profileIdc)) this.#ordering = 'reordered';
    else if (facts.reorderFrames === undefined) this.#ordering = 'unknown';
    else this.#ordering = facts.reorderFrames === 0 ? 'in-order' : 'reordered';
  }

  /** A picture in decoding order. */
  picture(ptsMs: number): void {
    if (this.#ordering !== 'unknown') return;
    if (ptsMs < this.#lastPtsMs) this.#ordering = 'reordered';
    this.#lastPtsMs = Math.max(this.#lastPtsMs, ptsMs);
  }
}
