import { SeededRandom } from '../../core/testing/seeded-random.ts';
import { SimulcastSource } from '../../core/testing/simulcast-source.ts';
import { VirtualYard } from '../../core/testing/virtual-yard.ts';
import { CongestionEstimate } from '../../gateways/webrtc/server/congestion/estimate.ts';
import { PACER_SLOT_MS, type PacedPacket, Pacer } from '../../gateways/webrtc/server/send/pacer.ts';
import type { RecordedTrace } from './recorded-trace.ts';

const PADDING_MAX_BYTES = 1200;

/** The estimate from `atMs` on. */
export interface EstimatePoint {
  readonly atMs: number;
  readonly bps: number;
  readonly congested: boolean;
}

/** A packet on its way to the client. */
export interface LeavingPacket {
  readonly atMs: number;
  readonly bytes: number;
  /** How long it waited; 0 for what does not come from a publisher. */
  readonly waitedMs: number;
}

interface Waiting extends PacedPacket {
  readonly cameMs: number;
}

/**
 * A recording once more, under virtual time: what was sent, the client's feedback and the core's wishes go to the estimate
 * of today, what came from the publisher goes to today's pacer at the rates of that estimate. What the estimate would
 * have changed of the sending is not in a recording; the probes are those that were sent.
 */
export class TraceReplay {
  /** One point whenever the estimate or its warning changed. */
  readonly estimates: EstimatePoint[] = [];
  /** What the pacer let go. */
  readonly paced: LeavingPacket[] = [];
  /** The same packets without a pacer. */
  readonly straight: LeavingPacket[] = [];
  /** Packets that the pacer gave up. */
  dropped = 0;
  readonly #estimate = new CongestionEstimate();
  readonly #pacer: Pacer<Waiting>;
  /** By number in the recording, the probe of today; −1: today none would be sent. */
  readonly #probes = new Map<number, number>();
  /** A probe of today that the recording has not shown yet. */
  #unsent = -1;

  constructor(trace: RecordedTrace) {
    const leave = (cameMs: number, bytes: number, nowMs: number): void => {
      this.paced.push({ atMs: nowMs, bytes, waitedMs: nowMs - cameMs });
    };
    this.#pacer = new Pacer<Waiting>(
      {
        sendMedia: (packet, _, nowMs) => leave(packet.cameMs, packet.wireBytes, nowMs),
        sendRepair: (packet, _, nowMs) => {
          leave(packet.cameMs, packet.wireBytes, nowMs);
          return packet.wireBytes;
        },
        sendPadding: (bytes, _, nowMs) => {
          const size = Math.min(bytes, PADDING_MAX_BYTES);
          leave(nowMs, size, nowMs);
          return size;
        },
        discard: () => {
          this.dropped += 1;
        },
        onGivenUp: () => {},
      },
      this.#estimate.bitrateBps,
    );
    this.#settle(0);
    this.#run(trace);
  }

  /** The estimate at a time, bits per second. */
  at(atMs: number): number {
    return this.estimates.findLast((point) => point.atMs <= atMs)?.bps ?? 0;
  }

  /** Estimates of each 100 ms, from … until, rising. */
  sorted(fromMs: number, untilMs: number): number[] {
    const values: number[] = [];
    for (let atMs = fromMs; atMs < untilMs; atMs += 100) values.push(this.at(atMs));
    return values.sort((a, b) => a - b);
  }

  /** Share of the time from … until in which it warned, 0…1. */
  warnedShare(fromMs: number, untilMs: number): number {
    let warned = 0;
    for (let atMs = fromMs; atMs < untilMs; atMs += 100)
      if (this.estimates.findLast((point) => point.atMs <= atMs)?.congested === true) warned += 100;
    return warned / (untilMs - fromMs);
  }

  #run({ events, durationMs }: RecordedTrace): void {
    let next = 0;
    for (let nowMs = 0; nowMs <= durationMs; nowMs += PACER_SLOT_MS) {
      for (let event = events[next]; event !== undefined && event.atMs <= nowMs; event = events[next]) {
        this.#replay(event);
        next += 1;
      }
      if (this.#pacer.busy) this.#pacer.process(nowMs);
    }
  }

  #replay(event: RecordedTrace['events'][number]): void {
    const { atMs } = event;
    switch (event.kind) {
      case 'sent':
        this.#estimate.sent(event.bytes, this.#probes.get(event.cluster) ?? -1, atMs);
        return;
      case 'feedback':
        this.#estimate.onFeedback(event.feedback, atMs);
        this.#settle(atMs);
        return;
      case 'demand':
        this.#estimate.setDemand(event.bps);
        return;
      case 'tick':
        this.#tick(event.cluster, atMs);
        return;
      case 'audio':
        this.straight.push({ atMs, bytes: event.bytes, waitedMs: 0 });
        this.#pacer.audio(event.bytes, atMs);
        this.paced.push({ atMs, bytes: event.bytes, waitedMs: 0 });
        return;
      case 'video':
      case 'repair': {
        this.straight.push({ atMs, bytes: event.bytes, waitedMs: 0 });
        const isVideo = event.kind === 'video';
        const packet: Waiting = {
          stream: isVideo ? event.stream : 0,
          wireBytes: event.bytes,
          startsKeyframe: isVideo && event.startsKeyframe,
          cameMs: atMs,
        };
        if (isVideo) this.#pacer.media(packet, atMs);
        else this.#pacer.repair(packet, atMs);
        return;
      }
      case 'told':
        return;
    }
  }

  #tick(recorded: number, nowMs: number): void {
    const probe = this.#estimate.nextProbe(nowMs);
    if (probe !== undefined) {
      this.#pacer.probe(probe, nowMs);
      this.#unsent = probe.id;
    }
    if (recorded > 0) {
      this.#probes.set(recorded, this.#unsent);
      this.#unsent = -1;
    }
    if (this.#estimate.checkSilence(nowMs)) this.#settle(nowMs);
  }

  #settle(atMs: number): void {
    const { bitrateBps: bps, pacingBps, congested } = this.#estimate;
    this.#pacer.setRates(bps, pacingBps);
    const last = this.estimates.at(-1);
    if (last?.bps !== bps || last.congested !== congested) this.estimates.push({ atMs, bps, congested });
  }
}

/** The largest burst: most packets, and most bytes, that left within a slot of 5 ms. */
export function largestBurst(packets: readonly LeavingPacket[]): { packets: number; bytes: number } {
  const largest = { packets: 0, bytes: 0 };
  const ordered = [...packets].sort((a, b) => a.atMs - b.atMs);
  let first = 0;
  let bytes = 0;
  for (const [index, packet] of ordered.entries()) {
    bytes += packet.bytes;
    for (; (ordered[first]?.atMs ?? 0) <= packet.atMs - PACER_SLOT_MS; first += 1)
      bytes -= ordered[first]?.bytes ?? 0;
    largest.packets = Math.max(largest.packets, index - first + 1);
    largest.bytes = Math.max(largest.bytes, bytes);
  }
  return largest;
}

const FRAME_MS = 1000 / 30;

/**
 * The real engine, with a simulcast publisher, on the estimates that a recording's core was told. From `fromMs` on the
 * recording is repeated until `minutes` are over.
 * @param bitratesBps Of the publisher's encodings, lowest first.
 * @returns Switches of the spatial layer a minute, after the first pass.
 */
export function switchesPerMinute(
  trace: RecordedTrace,
  bitratesBps: readonly number[],
  fromMs: number,
  minutes: number,
): number {
  const told = trace.events.flatMap((event) => (event.kind === 'told' ? [event] : []));
  const yard = new VirtualYard();
  yard.isForgetful = true;
  yard.join(1, 'camera');
  yard.publish(1, 1, { layers: bitratesBps.map(() => ({})) });
  yard.join(2, 'viewer');
  const source = new SimulcastSource({
    yard,
    endpoint: 1,
    track: 1,
    bitratesBps,
    random: new SeededRandom(trace.seed),
    variation: 0.2,
  });
  let spatial = -1;
  let switches = 0;
  const before = yard.onEvent;
  yard.onEvent = (endpoint, event) => {
    before(endpoint, event);
    if (endpoint !== 2 || event.type !== 'local-track-layers') return;
    const target = event.target?.spatial ?? -1;
    if (target !== spatial) switches += 1;
    spatial = target;
  };
  yard.attach(2, 1, 'camera');
  let next = 0;
  let passMs = yard.nowMs;
  let countFromMs = Number.POSITIVE_INFINITY;
  while (yard.nowMs < countFromMs + minutes * 60_000) {
    for (let each = told[next]; each !== undefined && passMs + each.atMs <= yard.nowMs; each = told[next]) {
      yard.control(2, { type: 'egress-estimate', bitrateBps: each.bps, congested: each.congested });
      next += 1;
    }
    if (yard.nowMs - passMs >= trace.durationMs) {
      next = told.findIndex(({ atMs }) => atMs >= fromMs);
      if (next < 0) next = told.length;
      passMs = yard.nowMs - fromMs;
      if (countFromMs === Number.POSITIVE_INFINITY) {
        countFromMs = yard.nowMs;
        switches = 0;
      }
    }
    source.frame();
    yard.advance(FRAME_MS);
  }
  return switches / minutes;
}
