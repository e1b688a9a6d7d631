import type { MediaKind, MediaPacket } from '@switchyard/shared/media';
import type {
  LayerPosition,
  LayerReason,
  LocalTrackConfig,
  LocalTrackStatus,
  TrackId,
  TrackSource,
} from '@switchyard/shared/protocol';
import type { EngineOutput } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { DROP, DROP_REASONS, type DropReason } from './drop-reason.ts';
import { byReason, type ForwardCounters } from './forward-counters.ts';
import { LocalTrackReport } from './local-track-report.ts';
import { StreamRewriter } from './rewriter/stream-rewriter.ts';
import { LEAD_MAX_MS } from './rewriter/timestamp-rewriter.ts';
import type { LayerSelector } from './selector/layer-selector.ts';
import { DECISION, type Decision } from './selector/selector.ts';
import { SelectorChoice } from './selector/selector-choice.ts';
import type { SourceState } from './selector/source-state.ts';
import { SourceLayersReport } from './source-layers-report.ts';

/** A source without packets for this long is inactive, milliseconds. */
export const INACTIVE_AFTER_MS: number = 2000;
/** A keyframe that is waited for is asked for again after this time, milliseconds. */
const KEYFRAME_RETRY_MS = 100;
/** A viewer that loses its picture gets cached pictures again at most this often, milliseconds. */
const REPLAY_INTERVAL_MS = 1000;

/** What a local track asks of the room it is in. */
export interface LocalTrackHome {
  readonly output: EngineOutput;
  readonly counters: ForwardCounters;
  requestKeyframe(fan: ChannelFan, spatial: number, nowMs: number): void;
}

/** us → client: one slot of a viewer. Takes packets of its source, picks, renumbers and forwards them. */
export class LocalTrack {
  readonly endpoint: number;
  readonly id: TrackId;
  readonly kind: MediaKind;
  readonly #home: LocalTrackHome;
  /** Of what was sent so far: the viewer's stream goes on whatever source it has. */
  readonly #rewriter: StreamRewriter;
  readonly #choice = new SelectorChoice();
  config: LocalTrackConfig;
  /** The client takes dependency descriptors. */
  takesDescriptors = false;
  /** The viewer is told what flows of the source. */
  observed = false;
  source: TrackSource | undefined;
  #fan: ChannelFan | undefined;
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
  #sourceReport: SourceLayersReport | undefined;
  #lastForwardMs = -1;
  #attachedMs = Number.NEGATIVE_INFINITY;
  /** It waits, and not for a keyframe: nothing comes at all. */
  #isSourceSilent = false;
  #keyframeAskedMs = Number.NEGATIVE_INFINITY;
  /** A packet of the source was sent. */
  #started = false;
  /** A keyframe was let go because it was older than what had been sent. */
  #refusedKeyframe = false;
  /** Spatial layer that flows, as counted last. */
  #spatial = -1;
  #replaying = false;
  #replayedMs = Number.NEGATIVE_INFINITY;
  #replayTimestamp = -1;
  #drops: Uint32Array | undefined;
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
    this.kind = kind;
    this.config = config;
    this.#home = home;
    this.#targetSpatial = config.maxSpatial;
    this.#targetTemporal = config.maxTemporal;
    this.#rewriter = new StreamRewriter(endpoint, id, kind);
  }

  get fan(): ChannelFan | undefined {
    return this.#fan;
  }

  get status(): LocalTrackStatus {
    return this.#status;
  }

  get current(): LayerPosition | null {
    const { selector } = this.#choice;
    if (selector === undefined || selector.spatial < 0) return null;
    return { spatial: selector.spatial, temporal: selector.temporal };
  }

  /** The allocator's last decision on this source: null for nothing, undefined before the first. */
  get position(): LayerPosition | null | undefined {
    if (!this.#isDecided) return undefined;
    return this.#paused ? null : { spatial: this.#targetSpatial, temporal: this.#targetTemporal };
  }

  /** What the viewer wants, and can make use of. */
  get limits(): LocalTrackConfig {
    const isFlat = this.#fan?.svc === true && this.#fan.info?.codec === 'av1' && !this.takesDescriptors;
    return isFlat ? { ...this.config, minSpatial: 0, maxSpatial: 0 } : this.config;
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
    if (this.#status === 'inactive' || this.#isSourceSilent) return 'source-silent';
    if (this.kind === 'audio') return this.#status === 'active' ? 'best' : 'source-silent';
    const spatial = this.#choice.selector?.spatial ?? -1;
    if (spatial === this.#targetSpatial || spatial >= this.#fan.spatialCount - 1) return this.#allocated;
    if (spatial >= 0 && this.#fan.meter.layerBps(this.#targetSpatial, 0) === 0)
      return 'source-has-no-such-layer';
    return 'waiting-for-keyframe';
  }

  /** Packets of its sources that it did not send, by reason. */
  get drops(): Readonly<Record<DropReason, number>> {
    return byReason(this.#drops ?? []);
  }

  /** Takes another source, or none. The viewer's stream goes on without a gap. */
  attach(source: TrackSource | undefined, fan: ChannelFan | undefined, nowMs: number): void {
    this.#fan?.unsubscribe(this);
    // What comes back under its name counts anew.
    if (this.#status === 'ended') fan?.state.reset();
    this.source = source;
    this.#fan = fan;
    this.#choice.reset();
    this.#replayedMs = Number.NEGATIVE_INFINITY;
    this.#started = false;
    this.#refusedKeyframe = false;
    this.#spatial = -1;
    this.#lastForwardMs = -1;
    this.#attachedMs = nowMs;
    this.#isSourceSilent = false;
    this.#keyframeAskedMs = Number.NEGATIVE_INFINITY;
    this.#status = 'waiting';
    this.#isDecided = false;
    this.#paused = false;
    this.allocatedBps = 0;
    this.demandBps = 0;
    if (fan === undefined) return;
    if (!(this.kind === 'video' && fan.replay(this, nowMs))) this.#askKeyframe(fan, nowMs);
    // The viewer may not be able to receive yet: its first request is answered whenever it comes.
    this.#replayedMs = Number.NEGATIVE_INFINITY;
    fan.subscribe(this);
  }

  /** The allocator's decision; a negative `spatial` pauses. @param bitrateBps What that costs. */
  setTarget(spatial: number, temporal: number, bitrateBps: number, reason: LayerReason, nowMs: number): void {
    const fan = this.#fan;
    if (fan !== undefined && (!this.#isDecided || spatial !== this.#targetSpatial)) fan.hasNewTargets = true;
    this.#isDecided = true;
    this.#allocated = reason;
    this.allocatedBps = bitrateBps;
    const wasPaused = this.#paused;
    this.#paused = spatial < 0;
    if (this.#paused) {
      // What flows next begins with a keyframe.
      this.#choice.reset();
      this.#spatial = -1;
      return;
    }
    this.#targetSpatial = spatial;
    this.#targetTemporal = temporal;
    this.#choice.selector?.setTarget(spatial, temporal);
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
    this.#home.requestKeyframe(fan, this.#flowing, nowMs);
  }

  /** The source stopped (it may come back). */
  ended(): void {
    this.#status = 'ended';
  }

  /** Hot path: one packet of the source, and what the source knows of it. */
  handleMedia(packet: MediaPacket, source: SourceState, nowMs: number): void {
    const decision = this.#handle(packet, source, nowMs);
    if (decision >= 0) this.#count(decision);
  }

  beginReplay(nowMs: number): void {
    this.#replaying = true;
    this.#replayedMs = nowMs;
    // The first cached packet is a keyframe: what flowed before ends there.
    this.#choice.reset();
    this.#replayTimestamp = -1;
  }

  /** Live packets go on from here in real time. */
  endReplay(): void {
    this.#replaying = false;
    this.#rewriter.endReplay();
  }

  /** Status and keyframe retries; tells the viewer what changed. */
  tick(nowMs: number): void {
    if (this.#status !== 'ended') {
      if (this.#paused) this.#status = 'paused';
      else {
        if (this.kind === 'video' && this.#fan !== undefined) this.#retryKeyframe(this.#fan, nowMs);
        if (this.#lastForwardMs >= 0)
          this.#status = nowMs - this.#lastForwardMs > INACTIVE_AFTER_MS ? 'inactive' : 'active';
      }
    }
    this.#isSourceSilent =
      this.#status === 'waiting' &&
      this.#fan !== undefined &&
      nowMs - this.#fan.silentSinceMs(this.#attachedMs) > INACTIVE_AFTER_MS;
    this.#report.say(this, this.#home.output);
    if (this.observed) this.#sourceReport ??= new SourceLayersReport();
    this.#sourceReport?.say(this, this.#home.output, nowMs);
  }

  get #flowing(): number {
    return Math.max(0, this.#choice.selector?.spatial ?? 0);
  }

  #keyframeWanted(fan: ChannelFan): number {
    return this.#choice.selector?.keyframeWanted(fan.state) ?? -1;
  }

  #retryKeyframe(fan: ChannelFan, nowMs: number): void {
    if (this.#lastForwardMs >= 0 && this.#keyframeWanted(fan) < 0) return;
    if (nowMs - this.#keyframeAskedMs >= KEYFRAME_RETRY_MS) this.#askKeyframe(fan, nowMs);
  }

  #askKeyframe(fan: ChannelFan, nowMs: number): void {
    if (this.kind === 'audio') return;
    this.#keyframeAskedMs = nowMs;
    const wanted = this.#keyframeWanted(fan);
    this.#home.requestKeyframe(fan, wanted < 0 ? this.#flowing : wanted, nowMs);
  }

  #handle(packet: MediaPacket, source: SourceState, nowMs: number): Decision {
    if (this.#paused) return DROP.paused;
    if ((packet.codec === 'opus') !== (this.kind === 'audio')) return DROP['wrong-kind'];
    if (this.kind === 'audio') {
      if (!this.#started || source.jumped) this.#rewriter.restart(packet);
      return this.#send(packet, packet.marker, 0, nowMs);
    }
    // Without a descriptor the layers of a picture cannot be told apart: there may be one only (D5).
    const isFlat = packet.codec === 'av1' && packet.svc && !this.takesDescriptors;
    const selector = this.#choice.for(packet, source, isFlat, this.#targetSpatial, this.#targetTemporal);
    let decision = selector.select(packet, source);
    if (decision === DECISION.offer) decision = this.#accept(selector, packet, source, nowMs);
    if (decision !== DECISION.forward) {
      this.#leaveOut(packet, decision, nowMs);
      return decision;
    }
    if (selector.spatial !== this.#spatial) this.#countSwitch(selector.spatial);
    return this.#send(packet, selector.marker, selector.decodeTargets, nowMs);
  }

  #accept(selector: LayerSelector, packet: MediaPacket, source: SourceState, nowMs: number): Decision {
    if (
      this.#started &&
      !this.#replaying &&
      !this.#refusedKeyframe &&
      this.#rewriter.leadMs(packet, nowMs) > LEAD_MAX_MS
    ) {
      this.#refusedKeyframe = true;
      return selector.spatial < 0 ? DROP['waiting-for-keyframe'] : DROP['other-encoding'];
    }
    this.#refusedKeyframe = false;
    selector.accept(packet, source);
    this.#rewriter.restart(packet);
    return DECISION.forward;
  }

  /** Of the stream that flows, a packet is missing on purpose. */
  #leaveOut(packet: MediaPacket, reason: Decision, nowMs: number): void {
    if (reason < DROP['spatial-layer'] || reason > DROP.dependency) return;
    // Spatial layers of one picture share its number, and VP9's distances mean something.
    const wholePicture = packet.codec === 'vp8';
    if (this.#rewriter.drop(packet, wholePicture, nowMs))
      this.#home.output.forward(packet, this.#rewriter.target);
  }

  #send(packet: MediaPacket, marker: boolean, decodeTargets: number, nowMs: number): Decision {
    const rewriter = this.#rewriter;
    const decision = this.#replaying
      ? rewriter.replay(packet, marker, this.#isNewPicture(packet), nowMs)
      : rewriter.forward(packet, marker, decodeTargets, nowMs);
    if (decision !== DECISION.forward) return decision;
    this.#started = true;
    this.#lastForwardMs = nowMs;
    this.packets += 1;
    this.bytes += packet.payload.length;
    this.#home.output.forward(packet, rewriter.target);
    return decision;
  }

  #isNewPicture(packet: MediaPacket): boolean {
    if (packet.timestamp === this.#replayTimestamp) return false;
    this.#replayTimestamp = packet.timestamp;
    return true;
  }

  #count(reason: Decision): void {
    this.#home.counters.drop(reason);
    this.#drops ??= new Uint32Array(DROP_REASONS.length);
    this.#drops[reason] = (this.#drops[reason] ?? 0) + 1;
  }

  #countSwitch(spatial: number): void {
    this.#home.counters.switched(this.#spatial, spatial);
    this.#spatial = spatial;
  }
}
