import { type Codec, clockRateOf, type MediaKind, type MediaPacket } from '@switchyard/shared/media';
import {
  emptyFanoutTarget,
  type LayerPosition,
  type LayerReason,
  type LocalTrackConfig,
  type LocalTrackStatus,
  type TrackId,
  type TrackSource,
} from '@switchyard/shared/protocol';
import type { EngineOutput } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { LocalTrackReport } from './local-track-report.ts';
import { SeqRewriter } from './rewriter/seq-rewriter.ts';
import { TimestampRewriter } from './rewriter/timestamp-rewriter.ts';
import { DECISION, type Decision, type LayerSelector } from './selector/selector.ts';
import { SimulcastSelector } from './selector/simulcast.ts';
import { SvcSelector } from './selector/svc.ts';

/** A source without packets for this long is inactive, milliseconds. */
export const INACTIVE_AFTER_MS: number = 2000;
/** A keyframe that is waited for is asked for again after this time, milliseconds. */
const KEYFRAME_RETRY_MS = 100;
/** A viewer that loses its picture gets cached pictures again at most this often, milliseconds. */
const REPLAY_INTERVAL_MS = 1000;

/** What a local track asks of the room it is in. */
export interface LocalTrackHome {
  readonly output: EngineOutput;
  requestKeyframe(fan: ChannelFan, spatial: number, nowMs: number): void;
}

/** us → client: one slot of a viewer. Takes packets of its source, picks, renumbers and forwards them. */
export class LocalTrack {
  readonly endpoint: number;
  readonly id: TrackId;
  readonly kind: MediaKind;
  readonly #home: LocalTrackHome;
  readonly #seq = new SeqRewriter(16);
  readonly #pictureId = new SeqRewriter(15);
  readonly #tl0 = new SeqRewriter(8);
  readonly #timestamp: TimestampRewriter;
  config: LocalTrackConfig;
  source: TrackSource | undefined;
  #fan: ChannelFan | undefined;
  #selector: LayerSelector | undefined;
  #selectorCodec: Codec | undefined;
  #selectorSvc = false;
  #targetSpatial: number;
  #targetTemporal: number;
  #allocated: LayerReason = 'best';
  /** The allocator gives it nothing. */
  #paused = false;
  /** What the allocator gives it, bits per second. */
  allocatedBps = 0;
  /** What this viewer could take of the source, bits per second. */
  demandBps = 0;
  #isDecided = false;
  #status: LocalTrackStatus = 'waiting';
  readonly #report = new LocalTrackReport();
  #lastForwardMs = -1;
  #keyframeAskedMs = Number.NEGATIVE_INFINITY;
  #started = false;
  #replaying = false;
  #replayedMs = Number.NEGATIVE_INFINITY;
  #replayTimestamp = -1;
  #replayOut = 0;
  readonly #out = emptyFanoutTarget();
  packets = 0;
  bytes = 0;

  constructor(
    endpoint: number,
    id: TrackId,
    kind: MediaKind,
    config: LocalTrackConfig,
    home: LocalTrackHome,
  ) {
    this.endpoint = endpoint;
    this.id = id;
    this.#out.endpoint = endpoint;
    this.#out.track = id;
    this.kind = kind;
    this.config = config;
    this.#home = home;
    this.#targetSpatial = config.maxSpatial;
    this.#targetTemporal = config.maxTemporal;
    this.#timestamp = new TimestampRewriter(clockRateOf(kind === 'audio' ? 'opus' : 'vp8'));
  }

  get fan(): ChannelFan | undefined {
    return this.#fan;
  }

  get status(): LocalTrackStatus {
    return this.#status;
  }

  get current(): LayerPosition | null {
    const selector = this.#selector;
    if (selector === undefined || selector.spatial < 0) return null;
    return { spatial: selector.spatial, temporal: selector.temporal };
  }

  /** The allocator's last decision on this source: null for nothing, undefined before the first. */
  get position(): LayerPosition | null | undefined {
    if (!this.#isDecided) return undefined;
    return this.#paused ? null : { spatial: this.#targetSpatial, temporal: this.#targetTemporal };
  }

  /** Null for nothing: paused, or no source. */
  get target(): LayerPosition | null {
    if (this.#paused || this.#fan === undefined || this.kind === 'audio') return null;
    return { spatial: this.#targetSpatial, temporal: this.#targetTemporal };
  }

  /** Why it gets what it gets. */
  get reason(): LayerReason {
    if (this.#fan === undefined || this.#status === 'ended') return 'no-source';
    if (this.#paused) return this.#allocated;
    if (this.#status === 'inactive') return 'source-silent';
    if (this.kind === 'audio') return this.#status === 'active' ? 'best' : 'source-silent';
    const spatial = this.#selector?.spatial ?? -1;
    if (spatial === this.#targetSpatial || spatial >= this.#fan.spatialCount - 1) return this.#allocated;
    if (spatial >= 0 && this.#fan.meter.layerBps(this.#targetSpatial, 0) === 0)
      return 'source-has-no-such-layer';
    return 'waiting-for-keyframe';
  }

  /** Takes another source, or none. The viewer's stream goes on without a gap. */
  attach(source: TrackSource | undefined, fan: ChannelFan | undefined, nowMs: number): void {
    this.#fan?.unsubscribe(this);
    this.source = source;
    this.#fan = fan;
    this.#selector = undefined;
    this.#selectorCodec = undefined;
    this.#replayedMs = Number.NEGATIVE_INFINITY;
    this.#started = false;
    this.#lastForwardMs = -1;
    this.#keyframeAskedMs = Number.NEGATIVE_INFINITY;
    this.#status = 'waiting';
    this.#isDecided = false;
    this.#paused = false;
    this.allocatedBps = 0;
    this.demandBps = 0;
    if (fan === undefined) return;
    if (!(this.kind === 'video' && fan.replay(this, nowMs))) this.#askKeyframe(nowMs);
    // The viewer may not be able to receive yet: its first request is answered whenever it comes.
    this.#replayedMs = Number.NEGATIVE_INFINITY;
    fan.subscribe(this);
  }

  /** The allocator's decision; a negative `spatial` pauses. @param bitrateBps What that costs. */
  setTarget(spatial: number, temporal: number, bitrateBps: number, reason: LayerReason, nowMs: number): void {
    this.#isDecided = true;
    this.#allocated = reason;
    this.allocatedBps = bitrateBps;
    const wasPaused = this.#paused;
    this.#paused = spatial < 0;
    if (this.#paused) {
      // What flows next begins with a keyframe.
      this.#selector = undefined;
      this.#selectorCodec = undefined;
      return;
    }
    this.#targetSpatial = spatial;
    this.#targetTemporal = temporal;
    this.#selector?.setTarget(spatial, temporal);
    if (!wasPaused) return;
    this.#status = 'waiting';
    this.#lastForwardMs = -1;
    this.#replayedMs = Number.NEGATIVE_INFINITY;
    this.keyframeRequested(nowMs);
  }

  /** The viewer lost its picture. */
  keyframeRequested(nowMs: number): void {
    const fan = this.#fan;
    if (fan === undefined || this.kind === 'audio' || this.#paused) return;
    // A source that sends no keyframe on request: the pictures since the last one, again.
    if (nowMs - this.#replayedMs >= REPLAY_INTERVAL_MS && fan.replay(this, nowMs)) return;
    this.#home.requestKeyframe(fan, Math.max(0, this.#selector?.spatial ?? 0), nowMs);
  }

  /** The source stopped (it may come back). */
  ended(): void {
    this.#status = 'ended';
  }

  /** Hot path: one packet of the source. */
  handleMedia(packet: MediaPacket, nowMs: number): void {
    if (this.#paused || (packet.codec === 'opus') !== (this.kind === 'audio')) return;
    const decision = this.kind === 'audio' ? this.#audioDecision() : this.#videoDecision(packet, nowMs);
    if (decision === DECISION.skip) return;
    if (decision === DECISION.drop) {
      this.#drop(packet);
      return;
    }
    if (decision === DECISION.switch) this.#restart();
    const seq = this.#seq.forward(packet.seq);
    if (seq < 0) return;
    const target = this.#out;
    target.seq = seq;
    target.timestamp = this.#replaying
      ? this.#replayedTimestamp(packet, nowMs)
      : this.#timestamp.forward(packet.timestamp, packet.captureMs, nowMs);
    target.pictureId = packet.pictureId < 0 ? -1 : this.#pictureId.forward(packet.pictureId);
    target.tl0PicIdx = packet.tl0PicIdx < 0 ? -1 : this.#tl0.forward(packet.tl0PicIdx);
    this.#lastForwardMs = nowMs;
    this.packets += 1;
    this.bytes += packet.payload.length;
    target.marker = this.#selector === undefined ? packet.marker : this.#selector.marker;
    this.#home.output.forward(packet, target);
  }

  beginReplay(nowMs: number): void {
    this.#replaying = true;
    this.#replayedMs = nowMs;
    // The first cached packet is a keyframe: what flowed before ends there.
    this.#selector = undefined;
    this.#selectorCodec = undefined;
    this.#replayTimestamp = -1;
  }

  /** Live packets go on from here in real time. */
  endReplay(): void {
    this.#replaying = false;
    this.#timestamp.restart();
  }

  /** Status and keyframe retries; tells the viewer what changed. */
  tick(nowMs: number): void {
    if (this.#status !== 'ended') {
      if (this.#paused) this.#status = 'paused';
      else {
        if (this.kind === 'video' && this.#fan !== undefined) this.#retryKeyframe(nowMs);
        if (this.#lastForwardMs >= 0)
          this.#status = nowMs - this.#lastForwardMs > INACTIVE_AFTER_MS ? 'inactive' : 'active';
      }
    }
    this.#report.say(this, this.#home.output);
  }

  #retryKeyframe(nowMs: number): void {
    if (this.#lastForwardMs >= 0 && (this.#selector?.keyframeWanted(nowMs) ?? -1) < 0) return;
    if (nowMs - this.#keyframeAskedMs >= KEYFRAME_RETRY_MS) this.#askKeyframe(nowMs);
  }

  #askKeyframe(nowMs: number): void {
    if (this.kind === 'audio' || this.#fan === undefined) return;
    this.#keyframeAskedMs = nowMs;
    const wanted = this.#selector?.keyframeWanted(nowMs) ?? -1;
    this.#home.requestKeyframe(
      this.#fan,
      wanted < 0 ? Math.max(0, this.#selector?.spatial ?? 0) : wanted,
      nowMs,
    );
  }

  #audioDecision(): Decision {
    if (this.#started) return DECISION.forward;
    this.#started = true;
    return DECISION.switch;
  }

  #videoDecision(packet: MediaPacket, nowMs: number): Decision {
    if (this.#selectorCodec !== packet.codec || this.#selectorSvc !== packet.svc)
      this.#chooseSelector(packet);
    return this.#selector?.select(packet, nowMs) ?? DECISION.skip;
  }

  #chooseSelector(packet: MediaPacket): void {
    // A descriptor that is missing in the middle of an SVC stream does not make it another stream.
    if (this.#selectorCodec === packet.codec && this.#selectorSvc && this.#lastForwardMs >= 0) return;
    this.#selectorCodec = packet.codec;
    this.#selectorSvc = packet.svc;
    this.#selector = packet.svc
      ? new SvcSelector(this.#targetSpatial, this.#targetTemporal)
      : new SimulcastSelector(this.#targetSpatial, this.#targetTemporal);
  }

  #drop(packet: MediaPacket): void {
    this.#seq.drop(packet.seq);
    // Spatial layers of one picture share its number: only a picture that goes as a whole leaves the count.
    if (packet.pictureId >= 0 && packet.temporal > (this.#selector?.temporal ?? 0))
      this.#pictureId.drop(packet.pictureId);
  }

  #restart(): void {
    this.#seq.restart();
    this.#timestamp.restart();
    this.#pictureId.restart();
    this.#tl0.restart();
  }

  /** Pictures a millisecond apart: the viewer's decoder catches up at once and shows the last one. */
  #replayedTimestamp(packet: MediaPacket, nowMs: number): number {
    if (packet.timestamp !== this.#replayTimestamp) {
      this.#replayTimestamp = packet.timestamp;
      this.#replayOut = this.#timestamp.follow(packet.captureMs, nowMs);
    }
    return this.#replayOut;
  }
}
