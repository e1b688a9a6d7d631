import { readTransportCc, writeTransportCc } from '@switchyard/shared/media';
import { ImpairedLink, type LinkProfile, SeededRandom } from '@switchyard/shared/netem';
import { CongestionEstimate } from '../server/congestion/estimate.ts';
import { PACER_SLOT_MS, type PacedPacket, Pacer } from '../server/send/pacer.ts';

/** Chrome reports this often. */
const FEEDBACK_MS = 100;
const FRAME_MS = 1000 / 30;
const AUDIO_MS = 20;
const AUDIO_BYTES = 110;
const AUDIO_BPS = (AUDIO_BYTES * 8000) / AUDIO_MS;
/** The core asks for this much more than its layers cost. */
const DESIRED_HEADROOM = 1.32;
const PACKET_BYTES = 1200;
/** RTP header with extensions. */
const HEADER_BYTES = 40;
/** IP and UDP. */
const OVERHEAD_BYTES = 28;
/** A keyframe is this much larger than the frames of its layer. */
const KEYFRAME_FACTOR = 4;

interface Sent {
  readonly seq: number;
  readonly sentMs: number;
  readonly bytes: number;
  readonly audio: boolean;
}

interface VideoPacket extends PacedPacket {
  readonly frameMs: number;
}

/** Says which layer (index of the ladder) is sent; −1: none. */
export type ChooseLayer = (estimateBps: number, current: number, congested: boolean, nowMs: number) => number;

export interface SimulatedViewerOptions {
  readonly seed: number;
  readonly path: LinkProfile;
  /** Bitrates of the layers, rising. */
  readonly ladder: readonly number[];
  readonly choose?: ChooseLayer;
  /** Instead of ladder and choice: is called every frame, and sends by {@link SimulatedViewer.sendVideo}. */
  readonly frame?: (nowMs: number) => void;
  /** The estimate was told something. */
  readonly onEstimate?: (bitrateBps: number, congested: boolean, nowMs: number) => void;
  /** Other traffic through the same bottleneck, bits per second at a time. */
  readonly crossBps?: (nowMs: number) => number;
}

/** What a viewer's path did in a span of time. */
export interface SpanFigures {
  readonly estimateBps: number;
  readonly sentBps: number;
  readonly lossShare: number;
  /** 95th percentile of the wait in the bottleneck's queue, milliseconds. */
  readonly queueP95Ms: number;
  readonly switches: number;
  readonly layer: number;
}

/**
 * One viewer behind a bad network in virtual time: ladder of layers → pacer → impaired link → transport-wide feedback →
 * estimate. Real are estimate, pacer and the feedback's bytes; source, layer choice and network are models.
 */
export class SimulatedViewer {
  readonly estimate: CongestionEstimate = new CongestionEstimate();
  readonly pacer: Pacer<VideoPacket>;
  readonly link: ImpairedLink<Sent>;
  readonly #back: ImpairedLink<Uint8Array>;
  readonly #options: SimulatedViewerOptions;
  readonly #random: SeededRandom;
  readonly #arrivals = new Map<number, number>();
  #received = 0;
  #reported = 1;
  #feedbacks = 0;
  #nowMs = 0;
  #frameMs = 0;
  #audioMs = 0;
  #feedbackMs = 0;
  #crossMs = 0;
  #layer = 0;
  #keyframe = true;
  #queueDelays: number[] = [];
  #estimates: number[] = [];
  #sentBytes = 0;
  #switches = 0;
  #audioLost = 0;
  #audioSent = 0;

  constructor(options: SimulatedViewerOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed * 7919 + 1);
    this.link = new ImpairedLink(options.seed, options.path);
    this.#back = new ImpairedLink(options.seed + 1, {
      ...options.path,
      rateBps: Number.POSITIVE_INFINITY,
      loss: 0,
      reorder: 0,
      duplicate: 0,
    });
    this.pacer = new Pacer<VideoPacket>(
      {
        sendMedia: (packet, cluster, nowMs) => this.#send(packet.wireBytes, cluster, false, nowMs),
        sendRepair: () => 0,
        sendPadding: (bytes, cluster, nowMs) => {
          const size = Math.min(PACKET_BYTES, Math.max(200, bytes));
          this.#send(size, cluster, false, nowMs);
          return size;
        },
        discard: () => {},
        onGivenUp: () => {
          this.#keyframe = true;
        },
      },
      this.estimate.bitrateBps,
    );
    if (options.frame === undefined)
      this.estimate.setDemand(((options.ladder.at(-1) ?? 0) + AUDIO_BPS) * DESIRED_HEADROOM);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get layer(): number {
    return this.#layer;
  }

  get audioLoss(): number {
    return this.#audioSent === 0 ? 0 : this.#audioLost / this.#audioSent;
  }

  change(path: Partial<LinkProfile>): void {
    this.link.change({ ...this.link.profile, ...path }, this.#nowMs);
  }

  /** A packet of video that somebody else chose. */
  sendVideo(payloadBytes: number, startsKeyframe: boolean): void {
    this.pacer.media(
      { stream: 0, wireBytes: payloadBytes + HEADER_BYTES, startsKeyframe, frameMs: this.#nowMs },
      this.#nowMs,
    );
  }

  /** Runs for `ms`. @returns What happened in that time. */
  run(ms: number): SpanFigures {
    const untilMs = this.#nowMs + ms;
    this.#queueDelays = [];
    this.#estimates = [];
    this.#sentBytes = 0;
    this.#switches = 0;
    const { lost, overflowed, sent } = this.link.counts;
    while (this.#nowMs < untilMs) this.#step();
    const { counts } = this.link;
    const delays = this.#queueDelays.sort((a, b) => a - b);
    return {
      estimateBps: this.#estimates.reduce((sum, each) => sum + each, 0) / Math.max(1, this.#estimates.length),
      sentBps: (this.#sentBytes * 8000) / ms,
      lossShare: (counts.lost + counts.overflowed - lost - overflowed) / Math.max(1, counts.sent - sent),
      queueP95Ms: delays[Math.floor(delays.length * 0.95)] ?? 0,
      switches: this.#switches,
      layer: this.#layer,
    };
  }

  #step(): void {
    const nowMs = this.#nowMs;
    for (let got = this.link.poll(nowMs); got !== undefined; got = this.link.poll(nowMs)) this.#receive(got);
    if (nowMs >= this.#feedbackMs) {
      this.#feedbackMs = nowMs + FEEDBACK_MS;
      this.#report(nowMs);
    }
    for (let got = this.#back.poll(nowMs); got !== undefined; got = this.#back.poll(nowMs))
      this.#onFeedback(got, nowMs);
    if (nowMs >= this.#audioMs) {
      this.#audioMs += AUDIO_MS;
      this.#audioSent += 1;
      this.#send(AUDIO_BYTES, this.pacer.audio(AUDIO_BYTES, nowMs), true, nowMs);
    }
    if (nowMs >= this.#frameMs) {
      this.#frameMs += FRAME_MS;
      this.#frame(nowMs);
    }
    if (nowMs % PACER_SLOT_MS === 0) {
      const probe = this.estimate.nextProbe(nowMs);
      if (probe !== undefined) this.pacer.probe(probe, nowMs);
      if (this.pacer.busy) this.pacer.process(nowMs);
    }
    this.#cross(nowMs);
    this.#nowMs += 1;
  }

  #frame(nowMs: number): void {
    const { ladder, choose, frame } = this.#options;
    if (frame !== undefined) {
      frame(nowMs);
      return;
    }
    const layer = choose?.(this.estimate.bitrateBps, this.#layer, this.estimate.congested, nowMs) ?? 0;
    if (layer !== this.#layer) {
      this.#switches += 1;
      this.#layer = layer;
      this.#keyframe = true;
    }
    const bitrate = ladder[layer];
    if (bitrate === undefined) return;
    const noise = 1 + 0.15 * this.#random.normal();
    let bytes = Math.max(100, (bitrate / 8) * (FRAME_MS / 1000) * noise);
    const startsKeyframe = this.#keyframe;
    if (startsKeyframe) bytes *= KEYFRAME_FACTOR;
    this.#keyframe = false;
    const packets = Math.ceil(bytes / PACKET_BYTES);
    for (let i = 0; i < packets; i += 1)
      this.pacer.media(
        {
          stream: 0,
          wireBytes: Math.round(bytes / packets) + HEADER_BYTES,
          startsKeyframe: startsKeyframe && i === 0,
          frameMs: nowMs,
        },
        nowMs,
      );
  }

  #send(bytes: number, cluster: number, audio: boolean, nowMs: number): void {
    const seq = this.estimate.sent(bytes, cluster, nowMs);
    this.#sentBytes += bytes;
    this.#queueDelays.push(this.link.queueDelayMs(nowMs));
    const before = this.link.counts.lost + this.link.counts.overflowed;
    this.link.push({ seq, sentMs: nowMs, bytes, audio }, bytes + OVERHEAD_BYTES, nowMs);
    if (audio && this.link.counts.lost + this.link.counts.overflowed > before) this.#audioLost += 1;
  }

  #receive({ seq, sentMs }: Sent): void {
    if (sentMs < 0) return;
    const near = ((seq - (this.#received & 0xffff)) << 16) >> 16;
    const unwrapped = this.#received + near;
    if (unwrapped > this.#received) this.#received = unwrapped;
    if (unwrapped >= this.#reported) this.#arrivals.set(unwrapped, this.#nowMs);
  }

  #report(nowMs: number): void {
    if (this.#arrivals.size === 0) return;
    const arrivals: number[] = [];
    for (let seq = this.#reported; seq <= this.#received; seq += 1)
      arrivals.push(this.#arrivals.get(seq) ?? -1);
    const written = writeTransportCc(1, 2, this.#feedbacks++ & 255, this.#reported & 0xffff, arrivals);
    this.#arrivals.clear();
    this.#reported = this.#received + 1;
    if (written !== undefined) this.#back.push(written.packet, written.packet.length, nowMs);
  }

  #onFeedback(packet: Uint8Array, nowMs: number): void {
    const padding = (packet[0] ?? 0) & 0x20 ? (packet.at(-1) ?? 0) : 0;
    const feedback = readTransportCc(packet.subarray(0, packet.length - padding));
    if (feedback === undefined) throw new Error('feedback does not parse');
    this.estimate.onFeedback(feedback, nowMs);
    this.pacer.setRates(this.estimate.bitrateBps, this.estimate.pacingBps);
    this.#options.onEstimate?.(this.estimate.bitrateBps, this.estimate.congested, nowMs);
    this.#estimates.push(this.estimate.bitrateBps);
  }

  #cross(nowMs: number): void {
    const bps = this.#options.crossBps?.(nowMs) ?? 0;
    if (bps <= 0) {
      this.#crossMs = nowMs;
      return;
    }
    while (this.#crossMs <= nowMs) {
      this.#crossMs += (PACKET_BYTES * 8000) / bps;
      this.link.push({ seq: 0, sentMs: -1, bytes: 0, audio: false }, PACKET_BYTES, nowMs);
    }
  }
}

/** Audio and headers beside the layer that is chosen, bits per second. */
const BESIDE_BPS = 80_000;
const UPGRADE_HEADROOM = 1.1;
const UPGRADE_WAIT_MS = 4000;
const UPGRADE_WAIT_MAX_MS = 60_000;
const UPGRADE_PROVEN_MS = 10_000;

/** A plain layer choice: down at once, up one layer at a time with headroom, and ever later after upgrades that failed. */
export function ladderChooser(ladder: readonly number[]): ChooseLayer {
  let upgradeFromMs = 0;
  let upgradedMs = Number.NEGATIVE_INFINITY;
  let waitMs = UPGRADE_WAIT_MS;
  return (estimateBps, current, congested, nowMs) => {
    let fitting = 0;
    ladder.forEach((bps, layer) => {
      if (bps + BESIDE_BPS <= estimateBps) fitting = layer;
    });
    if (fitting < current) {
      const failed = nowMs - upgradedMs < UPGRADE_PROVEN_MS;
      waitMs = failed ? Math.min(UPGRADE_WAIT_MAX_MS, waitMs * 2) : UPGRADE_WAIT_MS;
      upgradeFromMs = nowMs + waitMs;
      return fitting;
    }
    const above = ladder[current + 1];
    if (above === undefined || congested || nowMs < upgradeFromMs) return current;
    if (above * UPGRADE_HEADROOM + BESIDE_BPS > estimateBps) return current;
    upgradedMs = nowMs;
    return current + 1;
  };
}
