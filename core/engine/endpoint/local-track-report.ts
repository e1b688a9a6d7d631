import type { LayerPosition, LayerReason, LocalTrackStatus } from '@switchyard/shared/protocol';
import type { EngineOutput } from '../io.ts';
import type { LocalTrack } from './local-track.ts';

/** The bitrate of a target is told again when it differs by this share. */
const BITRATE_NEWS = 0.25;

/** Tells a viewer what became of a local track, when something did. Compares numbers: it runs on every tick. */
export class LocalTrackReport {
  #status: LocalTrackStatus | undefined;
  #statusReason: LayerReason | undefined;
  #layerReason: LayerReason | undefined;
  #current = -1;
  #target = -1;
  #bitrateBps = 0;

  say(track: LocalTrack, output: EngineOutput): void {
    const { status, reason } = track;
    // An active track's reason is about its layers.
    if (status !== this.#status || (status !== 'active' && reason !== this.#statusReason)) {
      this.#status = status;
      this.#statusReason = reason;
      output.event(track.endpoint, { type: 'local-track-status', track: track.id, status, reason });
    }
    if (track.kind === 'video') this.#sayLayers(track, reason, output);
  }

  #sayLayers(track: LocalTrack, reason: LayerReason, output: EngineOutput): void {
    const { current, target, allocatedBps } = track;
    const isNews =
      numberOf(current) !== this.#current ||
      numberOf(target) !== this.#target ||
      reason !== this.#layerReason ||
      Math.abs(allocatedBps - this.#bitrateBps) > BITRATE_NEWS * Math.max(allocatedBps, this.#bitrateBps);
    if (!isNews) return;
    this.#current = numberOf(current);
    this.#target = numberOf(target);
    this.#layerReason = reason;
    this.#bitrateBps = allocatedBps;
    const bitrateBps = Math.round(allocatedBps);
    output.event(track.endpoint, {
      type: 'local-track-layers',
      track: track.id,
      current,
      target,
      bitrateBps,
      reason,
    });
  }
}

const numberOf = (position: LayerPosition | null): number =>
  position === null ? -1 : position.spatial * 16 + position.temporal;
