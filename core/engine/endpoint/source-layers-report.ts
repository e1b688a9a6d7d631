import type { LayerFlow } from '@switchyard/shared/protocol';
import type { EngineOutput } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import type { LocalTrack } from './local-track.ts';

/** Told again when the bitrate of all layers together differs by this share. */
const BITRATE_NEWS = 0.25;
/** At most this often, milliseconds. */
const INTERVAL_MS = 1000;

/** Tells an observing viewer which layers come from its source. Compares numbers: it runs on every tick. */
export class SourceLayersReport {
  #fan: ChannelFan | undefined;
  #signature = 0;
  #bitrateBps = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  say(track: LocalTrack, output: EngineOutput, nowMs: number): void {
    const fan = track.observed ? track.fan : undefined;
    if (fan !== this.#fan) {
      this.#fan = fan;
      this.#signature = 0;
      this.#bitrateBps = 0;
      this.#toldMs = Number.NEGATIVE_INFINITY;
    }
    if (fan === undefined || nowMs - this.#toldMs < INTERVAL_MS) return;
    const signature = fan.costs.signature(nowMs);
    const { totalBps } = fan.meter;
    const isNews =
      signature !== this.#signature ||
      Math.abs(totalBps - this.#bitrateBps) > BITRATE_NEWS * Math.max(totalBps, this.#bitrateBps);
    // What has just begun is not measured yet.
    if (!isNews || (signature !== 0 && totalBps === 0)) return;
    this.#signature = signature;
    this.#bitrateBps = totalBps;
    this.#toldMs = nowMs;
    output.event(track.endpoint, { type: 'source-layers', track: track.id, layers: flowsOf(fan, nowMs) });
  }
}

function flowsOf({ costs, meter }: ChannelFan, nowMs: number): LayerFlow[] {
  const flows: LayerFlow[] = [];
  for (let spatial = 0; spatial < costs.spatialCount; spatial += 1) {
    if (!costs.isAlive(spatial, nowMs)) continue;
    for (let temporal = 0; temporal < costs.temporalCount(spatial); temporal += 1)
      flows.push({ spatial, temporal, bitrateBps: Math.round(meter.layerBps(spatial, temporal)) });
  }
  return flows;
}
