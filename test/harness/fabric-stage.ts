import { LoadClient } from '../bench/load/load-client.ts';
import { Cluster, type ClusterNode } from './cluster.ts';
import { RawSession } from './raw-session.ts';
import { waitFor } from './wait.ts';

const ROOM = 'stage';
const PACKETS_PER_SECOND = 200;
const PAYLOAD_BYTES = 600;
/** How often a condition that is timed is looked at, milliseconds. */
const POLL_MS = 5;
/** One way. The way over the relay is shorter than the direct one. */
const DIRECT_MS = 40;
const RELAY_MS = 10;

/** What a viewer missed in a span of time. */
export interface Span {
  readonly received: number;
  /** Longest time without a packet, milliseconds: 5 when nothing happens. */
  readonly outageMs: number;
  /** Packets that never came. */
  readonly missing: number;
  /** From the publisher's socket to the viewer's, milliseconds. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

export interface StageOptions {
  readonly natsCount?: 1 | 3;
  /** With a third node, over which the way is shorter. */
  readonly relay?: boolean;
  /** How late the stream comes by the direct way, each way, and what is lost of it, 0…1. */
  readonly direct?: { readonly delayMs: number; readonly loss: number };
}

/**
 * A publisher on node p (200 packets a second by WHIP), a viewer on node s (by WHEP), two sessions that are told who is in
 * the room, and a network between the nodes that can be made bad: what a failure costs is counted in packets.
 */
export class FabricStage {
  readonly cluster: Cluster;
  readonly #publisher: LoadClient;
  readonly #viewer: LoadClient;
  /** Sees from s who comes and goes. */
  readonly #witness: RawSession;
  #guests = 0;

  private constructor(cluster: Cluster, publisher: LoadClient, viewer: LoadClient, witness: RawSession) {
    this.cluster = cluster;
    this.#publisher = publisher;
    this.#viewer = viewer;
    this.#witness = witness;
  }

  static async open({ natsCount = 1, relay = true, direct }: StageOptions = {}): Promise<FabricStage> {
    const nodes: Record<string, ClusterNode> = {
      p: { zone: 'zp', gateways: ['webrtc'] },
      s: { zone: 'zs', gateways: ['webrtc'] },
      ...(relay ? { r: { zone: 'zr', gateways: [] } } : {}),
    };
    const cluster = await Cluster.start(nodes, { natsCount, proxied: true });
    cluster.proxy?.change('p', 's', direct ?? { delayMs: relay ? DIRECT_MS : 0 });
    if (relay) for (const end of ['p', 's']) cluster.proxy?.change(end, 'r', { delayMs: RELAY_MS });
    const [publisher, viewer, witness] = await Promise.all([
      LoadClient.start(),
      LoadClient.start(),
      RawSession.open(cluster.yard('s').httpPort),
    ]);
    const stage = new FabricStage(cluster, publisher, viewer, witness);
    await witness.join(ROOM, 'witness');
    await publisher.publish({
      url: `${cluster.yard('p').http}/whip/${ROOM}?peer=source`,
      video: { payloadBytes: PAYLOAD_BYTES, burst: 1, packetsPerSecond: PACKETS_PER_SECOND },
    });
    await stage.seconds('the source is seen', () => stage.isPresent('source'));
    await viewer.subscribe({
      url: `${cluster.yard('s').http}/whep/${ROOM}`,
      count: 1,
      video: true,
      audio: false,
      feedback: 'remb',
    });
    await stage.routed(relay ? ['p', 'r', 's'] : ['p', 's']);
    return stage;
  }

  /** Whether node s has that peer in the room. */
  isPresent(peer: string): boolean {
    const news = this.#witness.messages.findLast(
      (message) => (message.type === 'peer-joined' || message.type === 'peer-left') && message.peer === peer,
    );
    return news?.type === 'peer-joined';
  }

  /** Peers that node s was told have left, so far. */
  get departures(): number {
    return this.#witness.messages.filter(({ type }) => type === 'peer-left').length;
  }

  /** A new peer on node p. @returns Seconds until node s is told. */
  async join(): Promise<number> {
    this.#guests += 1;
    const peer = `guest-${this.#guests}`;
    const startMs = performance.now();
    const session = await RawSession.open(this.cluster.yard('p').httpPort);
    await session.join(ROOM, peer);
    await this.seconds(`${peer} is seen`, () => this.isPresent(peer), 30_000);
    return (performance.now() - startMs) / 1000;
  }

  /**
   * Waits until the stream comes to node s by these nodes, and flows.
   * @param settles Counting begins anew then; not so within {@link during}.
   * @returns Seconds until the way was that.
   */
  async routed(route: readonly string[], settles = true): Promise<number> {
    const startMs = performance.now();
    await waitFor(
      `the way ${route}`,
      async () => (await this.cluster.routes('s', 'source/')).some((each) => `${each}` === `${route}`),
      60_000,
      () => this.cluster.log,
    );
    const seconds = (performance.now() - startMs) / 1000;
    if (!settles) return seconds;
    await this.#viewer.reset();
    await waitFor('the stream flows', async () => (await this.#viewer.figures()).received > 20);
    return seconds;
  }

  /** Counts what the viewer gets from before `act` until it has resolved. */
  async during(act: () => unknown): Promise<Span> {
    await this.#viewer.reset();
    await act();
    const { received, longestGapMs, gaps, delayMs } = await this.#viewer.figures();
    return {
      received,
      outageMs: longestGapMs,
      missing: gaps,
      delayP50Ms: delayMs.p50,
      delayP99Ms: delayMs.p99,
    };
  }

  /** Waits until the viewer has got `count` more packets: what comes late is counted by then. */
  async receives(count: number): Promise<void> {
    const before = (await this.#viewer.figures()).received;
    await waitFor(
      `${count} more packets`,
      async () => (await this.#viewer.figures()).received >= before + count,
    );
  }

  /** @returns Seconds until the condition holds. */
  async seconds(what: string, condition: () => boolean, deadlineMs = 15_000): Promise<number> {
    const startMs = performance.now();
    while (!condition()) {
      if (performance.now() - startMs > deadlineMs)
        throw new Error(`${what}: not within ${deadlineMs} ms\n${this.cluster.log}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return (performance.now() - startMs) / 1000;
  }

  async close(): Promise<void> {
    this.#witness.close();
    await Promise.all([this.#publisher.stop(), this.#viewer.stop()]);
    await this.cluster.stop();
  }
}
