/**
 * The engine alone, built: nanoseconds per packet and per target at 10, 100 and 1,000 viewers, bytes it allocates per
 * packet, and its clock. Nothing else of the server runs: the output counts.
 */
import { Engine, type EngineOutput } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { emptyMediaPacket, type MediaPacket, readPayload } from '@switchyard/shared/media';
import { ALL_PERMISSIONS, DEFAULT_LOCAL_TRACK_CONFIG, trackId } from '@switchyard/shared/protocol';
import { SyntheticVp8 } from './load/synthetic-vp8.ts';
import { quantile } from './quantile.ts';
import { printTable, type Row } from './table.ts';

const VIEWERS = [10, 100, 1000] as const;
const PAYLOAD_BYTES = 1200;
const PACKETS_PER_FRAME = 5;
const FRAME_MS = 33.3;
const TICK_MS = 50;
const TICKS_PER_SECOND = 1000 / TICK_MS;
/** Ticks of one round, in seconds of virtual time. */
const TICK_SECONDS = 20;
/** Forwards of one round: each size of room does the same work. */
const TARGETS_PER_ROUND = 2_000_000;
const ROUNDS = 7;
const WARM_UP_ROUNDS = 2;
const LAYERS = 3;

/** The time that is handed to the engine with each packet is a number on the heap, made by the caller. */
const CLOCK_BYTES = 16;

/** Counts, as the link's writer would take them. */
class Counter implements EngineOutput {
  forwards = 0;
  packets = 0;
  keyframeRequests = 0;

  forward(): void {
    this.forwards += 1;
  }

  endPacket(): void {
    this.packets += 1;
  }

  event(_endpoint: number, event: { readonly type: string }): void {
    if (event.type === 'remote-track-keyframe-request') this.keyframeRequests += 1;
  }
}

/** A room with one publisher of VP8 (in `layers` encodings) and N viewers. */
class Room {
  readonly counter = new Counter();
  readonly #engine: Engine;
  readonly #packets: readonly MediaPacket[];
  readonly #vp8: SyntheticVp8;
  readonly #bytes = Buffer.alloc(PAYLOAD_BYTES + 64);
  #nowMs = Date.now() + 0.25;
  #timestamp = 1000;
  #keyframeRequests = -1;

  constructor(viewers: number, layers: number) {
    const fabric = new LocalFabric();
    this.#engine = new Engine(this.counter, fabric);
    fabric.attach(this.#engine);
    this.#packets = Array.from({ length: layers }, (_, spatial) => ({ ...emptyMediaPacket('vp8'), spatial }));
    this.#vp8 = new SyntheticVp8(PAYLOAD_BYTES, PACKETS_PER_FRAME);
    const scope = { peer: true, tracks: true };
    const join = {
      type: 'join',
      app: 'dev',
      room: 'bench',
      permissions: ALL_PERMISSIONS,
      replace: false,
    } as const;
    for (let endpoint = 0; endpoint <= viewers; endpoint += 1) {
      this.#engine.openEndpoint(endpoint, 'sdk', 'bench', undefined, this.#nowMs);
      this.#engine.handleControl(
        endpoint,
        { ...join, peer: `peer-${endpoint}`, publish: scope, subscribe: { peers: false, tracks: false } },
        this.#nowMs,
      );
    }
    this.#engine.handleControl(
      0,
      {
        type: 'remote-track-start',
        track: trackId(1),
        info: {
          name: 'video_main',
          kind: 'video',
          codec: 'vp8',
          layers: Array.from({ length: layers }, () => ({})),
        },
      },
      this.#nowMs,
    );
    for (let endpoint = 1; endpoint <= viewers; endpoint += 1) {
      this.#engine.handleControl(
        endpoint,
        { type: 'egress-estimate', bitrateBps: 50_000_000, congested: false },
        this.#nowMs,
      );
      this.#engine.handleControl(
        endpoint,
        {
          type: 'local-track-attach',
          track: trackId(1),
          kind: 'video',
          source: { peer: 'peer-0', track: 'video_main' },
          config: DEFAULT_LOCAL_TRACK_CONFIG,
        },
        this.#nowMs,
      );
    }
  }

  /** Frames of every encoding, without a tick in between. @param toEngine false: all but the engine's part. */
  play(frames: number, toEngine = true): void {
    for (let frame = 0; frame < frames; frame += 1) {
      const keyframe = this.#keyframeRequests !== this.counter.keyframeRequests;
      this.#keyframeRequests = this.counter.keyframeRequests;
      this.#vp8.nextFrame(keyframe);
      this.#timestamp = (this.#timestamp + 3000) >>> 0;
      for (const packet of this.#packets) this.#frame(packet, toEngine);
      this.#nowMs += FRAME_MS;
    }
  }

  tick(): void {
    this.#engine.handleTick(this.#nowMs);
  }

  /** Media and ticks as in life: one tick to a frame and a half. */
  live(frames: number): void {
    for (let frame = 0; frame < frames; frame += 3) {
      this.play(1);
      this.tick();
      this.play(2);
      this.tick();
    }
  }

  /** Ticks of a second. @returns How many. */
  tickSecond(): number {
    for (let at = 0; at < TICKS_PER_SECOND; at += 1) {
      this.#nowMs += TICK_MS;
      this.tick();
    }
    return TICKS_PER_SECOND;
  }

  #frame(packet: MediaPacket, toEngine: boolean): void {
    for (let index = 0; index < PACKETS_PER_FRAME; index += 1) {
      packet.marker = this.#vp8.write(this.#bytes, 0, index, 0);
      packet.seq = (packet.seq + 1) & 0xffff;
      packet.timestamp = this.#timestamp;
      packet.captureMs = this.#nowMs - 20;
      packet.payload = this.#payload;
      readPayload(packet);
      if (toEngine) this.#engine.handleMedia(0, 1, packet, this.#nowMs);
    }
  }

  readonly #payload = this.#bytes.subarray(0, PAYLOAD_BYTES);
}

interface Figures {
  readonly nsPerPacket: number;
  readonly nsPerTarget: number;
  readonly bytesPerPacket: number;
  readonly nsPerTick: number;
  readonly bytesPerTick: number;
}

/** Nanoseconds and bytes of the heap that `work` takes. Nothing is collected meanwhile: the young space is large. */
function cost(work: () => void): { ns: number; bytes: number } {
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const startedNs = process.hrtime.bigint();
  work();
  const ns = Number(process.hrtime.bigint() - startedNs);
  return { ns, bytes: process.memoryUsage().heapUsed - heapBefore };
}

function measure(viewers: number, layers: number): Figures {
  const room = new Room(viewers, layers);
  const frames = Math.ceil(TARGETS_PER_ROUND / viewers / PACKETS_PER_FRAME);
  const rounds: Figures[] = [];
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
    // A viewer of a room that is just beginning waits for its keyframe; one that was left without ticks for its layers.
    room.live(300);
    const before = room.counter.forwards;
    const media = cost(() => room.play(frames));
    const forwards = room.counter.forwards - before;
    room.live(30);
    let ticks = 0;
    const clock = cost(() => {
      for (let second = 0; second < TICK_SECONDS; second += 1) ticks += room.tickSecond();
    });
    const packets = frames * PACKETS_PER_FRAME * layers;
    const own = cost(() => room.play(frames, false));
    if (forwards < frames * PACKETS_PER_FRAME * viewers * 0.99)
      throw new Error(`only ${forwards} of ${frames * PACKETS_PER_FRAME * viewers} packets were forwarded`);
    if (round >= WARM_UP_ROUNDS)
      rounds.push({
        nsPerPacket: (media.ns - own.ns) / packets,
        nsPerTarget: (media.ns - own.ns) / forwards,
        bytesPerPacket: (media.bytes - own.bytes) / packets - CLOCK_BYTES,
        nsPerTick: clock.ns / ticks / viewers,
        bytesPerTick: clock.bytes / ticks / viewers,
      });
  }
  /** Others at work on the machine only add to a time: the least one is the truest. */
  const of = (key: keyof Figures, share: number): number =>
    quantile(
      rounds.map((each) => each[key]),
      share,
    );
  return {
    nsPerPacket: of('nsPerPacket', 0),
    nsPerTarget: of('nsPerTarget', 0),
    bytesPerPacket: of('bytesPerPacket', 0.5),
    nsPerTick: of('nsPerTick', 0),
    bytesPerTick: of('bytesPerTick', 0.5),
  };
}

for (const [title, layers] of [
  ['one encoding', 1],
  ['simulcast of three, everybody at the top', LAYERS],
] as const) {
  const figures = VIEWERS.map((viewers) => ({ viewers, ...measure(viewers, layers) }));
  const reference = quantile(
    figures.map(({ nsPerTarget }) => nsPerTarget),
    0.5,
  );
  const rows: Row[] = figures.map((each) => ({
    what: `1 → ${each.viewers}`,
    value: `${each.nsPerTarget.toFixed(1)} ns per target`,
    target: 'flat ±15 %, 0 bytes',
    note: `${each.nsPerPacket.toFixed(0)} ns per packet; ${(each.nsPerTarget / reference).toFixed(2)} of the median; ${Math.max(0, each.bytesPerPacket).toFixed(1)} bytes allocated per packet; a tick ${each.nsPerTick.toFixed(0)} ns and ${each.bytesPerTick.toFixed(0)} bytes per viewer`,
  }));
  printTable(`The engine alone, VP8, ${title}`, rows);
}
