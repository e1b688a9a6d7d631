import { Engine, type EngineOutput } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import { type LinkProfile, SeededRandom } from '@switchyard/shared/netem';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointEvent,
  trackId,
} from '@switchyard/shared/protocol';
import { SimulatedViewer } from '../../gateways/webrtc/testing/simulated-viewer.ts';

const PUBLISHER = 1;
const VIEWER = 2;
const START_MS = 1_800_000_000_000;
const PACKET_BYTES = 1100;
/** Of a simulcast encoding, by temporal layer of L1T3. */
const TEMPORAL_SHARE = [0.4, 0.25, 0.35] as const;
const TEMPORAL_PATTERN = [0, 2, 1, 2] as const;
const FRAMES_PER_SECOND = 30;
const KEYFRAME_FACTOR = 4;
const ESTIMATE_NEWS = 0.02;

/**
 * The real engine, estimate and pacer with one simulcast publisher and one viewer behind a model of a network, in virtual
 * time: what the viewer is shown is decided by all of them together.
 */
export class RoomUnderPressure implements EngineOutput {
  readonly viewer: SimulatedViewer;
  readonly #engine: Engine;
  readonly #random: SeededRandom;
  readonly #bitrates: readonly number[];
  readonly #seqs: number[];
  readonly #keyframeAsked: boolean[];
  readonly #packet: MediaPacket = emptyMediaPacket('vp8');
  readonly #payload = new Uint8Array(PACKET_BYTES);
  #frames = 0;
  #toldBps = 0;
  #toldCongested = false;
  /** Encoding that the viewer is sent; −1 before the first packet. */
  spatial = -1;
  /** How often it changed, the first one not counted. */
  switches = 0;

  constructor(seed: number, path: LinkProfile, bitrates: readonly number[]) {
    this.#random = new SeededRandom(seed + 77);
    this.#bitrates = bitrates;
    this.#seqs = bitrates.map((_, index) => 1000 * (index + 1));
    this.#keyframeAsked = bitrates.map(() => true);
    const fabric = new LocalFabric();
    this.#engine = new Engine(this, fabric);
    fabric.attach(this.#engine);
    this.viewer = new SimulatedViewer({
      seed,
      path,
      ladder: [],
      frame: (nowMs) => this.#frame(START_MS + nowMs),
      onEstimate: (bitrateBps, congested, nowMs) => this.#onEstimate(bitrateBps, congested, START_MS + nowMs),
    });
    this.#join(PUBLISHER, 'ann');
    this.#join(VIEWER, 'bob');
    this.#engine.handleControl(
      PUBLISHER,
      {
        type: 'remote-track-start',
        track: trackId(1),
        info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: bitrates.map(() => ({})) },
      },
      START_MS,
    );
    this.#onEstimate(this.viewer.estimate.bitrateBps, false, START_MS);
    this.#engine.handleControl(
      VIEWER,
      {
        type: 'local-track-attach',
        track: trackId(1),
        kind: 'video',
        source: { peer: 'ann', track: 'video_main' },
        config: DEFAULT_LOCAL_TRACK_CONFIG,
      },
      START_MS,
    );
  }

  forward(packet: MediaPacket): void {
    if (packet.spatial !== this.spatial) {
      if (this.spatial >= 0) this.switches += 1;
      this.spatial = packet.spatial;
    }
    this.viewer.sendVideo(packet.payload.length, packet.keyframe && packet.frameStart);
  }

  endPacket(): void {}

  event(endpoint: number, event: EndpointEvent): void {
    if (event.type === 'estimate-config' && endpoint === VIEWER)
      this.viewer.estimate.setDemand(event.desiredBps);
    if (event.type === 'remote-track-keyframe-request') this.#keyframeAsked[event.spatial] = true;
  }

  #join(endpoint: number, peer: string): void {
    this.#engine.openEndpoint(endpoint, 'sdk', 'webrtc', undefined, START_MS);
    this.#engine.handleControl(
      endpoint,
      {
        type: 'join',
        app: 'default',
        room: 'demo',
        peer,
        publish: { peer: true, tracks: true },
        subscribe: { peers: true, tracks: true },
        permissions: ALL_PERMISSIONS,
        replace: false,
      },
      START_MS,
    );
  }

  #onEstimate(bitrateBps: number, congested: boolean, nowMs: number): void {
    const isNews = Math.abs(bitrateBps - this.#toldBps) > ESTIMATE_NEWS * this.#toldBps;
    if (!isNews && congested === this.#toldCongested) return;
    this.#toldBps = bitrateBps;
    this.#toldCongested = congested;
    this.#engine.handleControl(VIEWER, { type: 'egress-estimate', bitrateBps, congested }, nowMs);
  }

  /** One frame of every encoding. */
  #frame(nowMs: number): void {
    if (nowMs >= this.#engine.nextDeadlineMs) this.#engine.handleTick(nowMs);
    const temporal = TEMPORAL_PATTERN[this.#frames % TEMPORAL_PATTERN.length] ?? 0;
    for (const [spatial, bitrate] of this.#bitrates.entries()) {
      const keyframe = this.#keyframeAsked[spatial] === true;
      this.#keyframeAsked[spatial] = false;
      // T0 and T1 come once in four frames, T2 twice.
      const perSecond = (FRAMES_PER_SECOND * (temporal === 2 ? 2 : 1)) / 4;
      const share = TEMPORAL_SHARE[temporal] ?? 0;
      const noise = Math.max(0.4, 1 + 0.15 * this.#random.normal());
      const bytes = ((bitrate * share) / 8 / perSecond) * noise * (keyframe ? KEYFRAME_FACTOR : 1);
      this.#send(spatial, keyframe ? 0 : temporal, keyframe, Math.max(60, bytes), nowMs);
    }
    this.#frames += 1;
  }

  #send(spatial: number, temporal: number, keyframe: boolean, bytes: number, nowMs: number): void {
    const packet = this.#packet;
    const count = Math.ceil(bytes / PACKET_BYTES);
    for (let i = 0; i < count; i += 1) {
      const seq = this.#seqs[spatial] ?? 0;
      this.#seqs[spatial] = (seq + 1) & 0xffff;
      packet.seq = seq;
      packet.timestamp = (spatial * 1_000_000_007 + this.#frames * 3000) >>> 0;
      packet.captureMs = nowMs;
      packet.spatial = spatial;
      packet.temporal = temporal;
      packet.keyframe = keyframe;
      packet.frameStart = i === 0;
      packet.frameEnd = i === count - 1;
      packet.marker = packet.frameEnd;
      packet.switchingPoint = true;
      packet.payload = this.#payload.subarray(0, Math.ceil(bytes / count));
      this.#engine.handleMedia(PUBLISHER, 1, packet, nowMs);
    }
  }
}
