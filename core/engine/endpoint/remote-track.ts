import type { MediaPacket } from '@switchyard/shared/media';
import type { EndpointEvent, RemoteTrackInfo, TrackId } from '@switchyard/shared/protocol';
import type { Channel, ChannelDemand, ChannelFeedback, EngineOutput, Fabric } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { DemandMerge } from './bitrate/demand-merge.ts';
import { UNLIMITED_BPS } from './bitrate/egress-controller.ts';
import { INGRESS_FLOOR_BPS } from './bitrate/ingress-allocator.ts';
import { SPATIAL_MAX } from './selector/selector.ts';

/** Requests of many viewers become one a layer in this time, milliseconds. */
const KEYFRAME_THROTTLE_MS = 250;
/** An encoding that nobody wants any more is switched off after this time, milliseconds. */
export const LAYER_LINGER_MS: number = 3000;
/**
 * A new track is left alone for this long, milliseconds: its sender finds out what its link carries, and its first
 * viewers what theirs do. Held down from the first second, the top encoding came 10 s and more after it was wanted.
 */
export const START_LINGER_MS: number = 15_000;
/** A limit is lowered when it has been too high for this long, milliseconds; it is raised at once. */
const LOWER_AFTER_MS = 2000;
/** Limits that differ by less are the same. */
const LIMIT_NEWS = 0.1;
/** Layers vary by this much. */
const NOMINAL_HEADROOM = 1.25;

/** client → us: one track that an endpoint publishes into its room. */
export class RemoteTrack {
  readonly endpoint: number;
  readonly id: TrackId;
  readonly channel: Channel;
  readonly fan: ChannelFan;
  info: RemoteTrackInfo;
  readonly #output: EngineOutput;
  readonly #fabric: Fabric;
  readonly #keyframeAskedMs = new Float64Array(SPATIAL_MAX).fill(Number.NEGATIVE_INFINITY);
  readonly #demands = new DemandMerge();
  /** When each layer was wanted last; the beginning counts. */
  readonly #wantedMs: Float64Array;
  #toldLayers = -1;
  #toldBps = 0;
  #lowerSinceMs = -1;
  #lowerBps = 0;

  constructor(
    endpoint: number,
    id: TrackId,
    info: RemoteTrackInfo,
    fan: ChannelFan,
    output: EngineOutput,
    fabric: Fabric,
    nowMs: number,
  ) {
    this.endpoint = endpoint;
    this.id = id;
    this.info = info;
    this.fan = fan;
    this.channel = fan.channel;
    this.#output = output;
    this.#fabric = fabric;
    this.#wantedMs = new Float64Array(SPATIAL_MAX).fill(nowMs + START_LINGER_MS - LAYER_LINGER_MS);
    fan.keepPictures(info.keyframeOnRequest === false);
  }

  /** Hot path. */
  handleMedia(packet: MediaPacket, nowMs: number): void {
    this.fan.deliver(packet, nowMs);
    this.#fabric.publish(this.channel, packet, nowMs);
  }

  /** A viewer's node says something. */
  onFeedback(feedback: ChannelFeedback, nowMs: number): void {
    if (feedback.type === 'keyframe') {
      this.#keyframeRequested(feedback.spatial, nowMs);
      return;
    }
    this.#demands.set(feedback.node, feedback.demand, nowMs);
    this.#tellLayers(this.#demands.merged(nowMs), nowMs);
  }

  /** What viewers can use now, bits per second. A source in the mode `max` is not held down. */
  wantedBps(nowMs: number): number {
    const demand = this.#demands.merged(nowMs);
    this.#tellLayers(demand, nowMs);
    if (this.info.bitrateMode === 'max') return UNLIMITED_BPS;
    if (!this.#isSimulcast) return Math.max(INGRESS_FLOOR_BPS, demand.maxBps);
    let sum = 0;
    for (let spatial = 0; spatial < this.info.layers.length; spatial += 1) {
      if (!this.#isWanted(spatial, nowMs)) continue;
      const bps = this.fan.costs.nominalBps(spatial);
      if (bps === undefined) return UNLIMITED_BPS;
      sum += bps * NOMINAL_HEADROOM;
    }
    // While all are wanted a cap would only hold back the top one.
    return this.#toldLayers === (1 << this.info.layers.length) - 1 ? UNLIMITED_BPS : sum;
  }

  /** The allocator's limit, bits per second. */
  limit(maxBps: number, nowMs: number): void {
    if (maxBps > this.#toldBps * (1 + LIMIT_NEWS)) {
      this.#tellLimit(maxBps);
      return;
    }
    if (maxBps >= this.#toldBps * (1 - LIMIT_NEWS)) {
      this.#lowerSinceMs = -1;
      return;
    }
    if (this.#lowerSinceMs < 0) {
      this.#lowerSinceMs = nowMs;
      this.#lowerBps = 0;
    }
    this.#lowerBps = Math.max(this.#lowerBps, maxBps);
    if (nowMs - this.#lowerSinceMs >= LOWER_AFTER_MS) this.#tellLimit(this.#lowerBps);
  }

  get #isSimulcast(): boolean {
    return this.info.layers.length > 1 && !this.fan.svc;
  }

  /** The lowest encoding stays on: the first picture of who joins comes from it. */
  #isWanted(spatial: number, nowMs: number): boolean {
    return spatial === 0 || nowMs - (this.#wantedMs[spatial] ?? 0) <= LAYER_LINGER_MS;
  }

  #tellLayers(demand: ChannelDemand, nowMs: number): void {
    const count = this.info.layers.length;
    let layers = 0;
    for (let spatial = 0; spatial < count; spatial += 1) {
      if (this.info.bitrateMode === 'max' || (demand.layers & (1 << spatial)) !== 0)
        this.#wantedMs[spatial] = Math.max(nowMs, this.#wantedMs[spatial] ?? 0);
      if (this.#isWanted(spatial, nowMs)) layers |= 1 << spatial;
    }
    if (!this.#isSimulcast || layers === this.#toldLayers) return;
    const isFirst = this.#toldLayers < 0;
    this.#toldLayers = layers;
    // A track starts with everything on.
    if (isFirst && layers === (1 << count) - 1) return;
    const wanted = Array.from({ length: count }, (_, spatial) => (layers & (1 << spatial)) !== 0);
    this.#say({ type: 'remote-track-layers', track: this.id, wanted });
  }

  #tellLimit(maxBps: number): void {
    this.#toldBps = maxBps;
    this.#lowerSinceMs = -1;
    this.#say({
      type: 'remote-track-limit',
      track: this.id,
      minBps: INGRESS_FLOOR_BPS,
      maxBps: Math.round(maxBps),
    });
  }

  #keyframeRequested(spatial: number, nowMs: number): void {
    if (this.info.keyframeOnRequest === false || spatial >= SPATIAL_MAX) return;
    if (nowMs - (this.#keyframeAskedMs[spatial] ?? 0) < KEYFRAME_THROTTLE_MS) return;
    this.#keyframeAskedMs[spatial] = nowMs;
    this.#say({ type: 'remote-track-keyframe-request', track: this.id, spatial });
  }

  #say(event: EndpointEvent): void {
    this.#output.event(this.endpoint, event);
  }
}
