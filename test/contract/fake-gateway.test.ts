import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalFabric } from '@switchyard/core/fabric';
import { Admission, GatewayServer, MediaCore } from '@switchyard/core/server';
import { emptyMediaPacket } from '@switchyard/shared/media';
import { ALL_PERMISSIONS, type EndpointEvent, trackId } from '@switchyard/shared/protocol';
import { CoreLink, createLogger } from '@switchyard/shared/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../harness/wait.ts';
import { type ContractPublisher, type ContractViewer, gatewayContract, REATTACH_MS } from './gateway.ts';
import { Probe } from './probe.ts';

const logger = createLogger('test', 'silent');
const FRAME_MS = 20;

/** A core in this process, on a socket of its own, that can be killed. */
class CoreInProcess {
  readonly socketPath = join(mkdtempSync(join(tmpdir(), 'switchyard-contract-')), 'core.sock');
  #server: GatewayServer | undefined;
  #core: MediaCore | undefined;

  async start(): Promise<void> {
    const fabric = new LocalFabric();
    this.#server = new GatewayServer({
      socketPath: this.socketPath,
      node: 'contract',
      admission: new Admission({ maxEndpoints: 10_000, maxEventLoopDelayMs: 60_000 }),
      logger,
    });
    this.#core = new MediaCore(this.#server, fabric, 'contract.1');
    fabric.attach(this.#core.engine);
    this.#core.start();
    await this.#server.listen(this.#core);
  }

  async stop(): Promise<void> {
    this.#core?.stop();
    await this.#server?.close();
  }
}

describe('a fake gateway', () => {
  const core = new CoreInProcess();
  const links: CoreLink[] = [];

  const openLink = async (): Promise<CoreLink> => {
    const link = new CoreLink({ target: { path: core.socketPath }, kind: 'webrtc', logger });
    links.push(link);
    link.start();
    await waitFor('the link is up', () => link.connected);
    return link;
  };

  beforeAll(() => core.start());
  afterAll(async () => {
    for (const link of links) await link.close();
    await core.stop();
    rmSync(join(core.socketPath, '..'), { recursive: true, force: true });
  });

  const join_ = (room: string, peer: string, isPublisher: boolean) =>
    ({
      type: 'join',
      app: 'default',
      room,
      peer,
      publish: { peer: isPublisher, tracks: isPublisher },
      subscribe: { peers: true, tracks: true },
      permissions: ALL_PERMISSIONS,
      replace: false,
    }) as const;

  const publish = async (room: string): Promise<ContractPublisher> => {
    const link = await openLink();
    let wantsKeyframe = true;
    const endpoint = link.openEndpoint('sdk', undefined, {
      onEvent: (event) => {
        if (event.type === 'remote-track-keyframe-request') wantsKeyframe = true;
      },
    });
    expect(await endpoint.request(join_(room, 'camera', true))).toBeUndefined();
    const track = trackId(1);
    endpoint.control({
      type: 'remote-track-start',
      track,
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: [{}] },
    });
    const packet = emptyMediaPacket('vp8');
    packet.payload = new Uint8Array(800);
    packet.frameStart = true;
    packet.frameEnd = true;
    packet.marker = true;
    const timer = setInterval(() => {
      packet.seq = (packet.seq + 1) & 0xffff;
      packet.timestamp = (packet.timestamp + FRAME_MS * 90) >>> 0;
      packet.captureMs = performance.timeOrigin + performance.now();
      packet.keyframe = wantsKeyframe;
      wantsKeyframe = false;
      endpoint.media(track, packet);
    }, FRAME_MS);
    return {
      peer: 'camera',
      track: 'video_main',
      kind: 'video',
      leave: async () => {
        clearInterval(timer);
        endpoint.close();
      },
    };
  };

  const view = async (room: string): Promise<ContractViewer> => {
    const link = await openLink();
    const slot = trackId(3);
    let received = 0;
    link.onFanout = (frame) => {
      received += frame.targetCount;
    };
    const endpoint = link.openEndpoint('sdk', undefined, { onEvent: () => {} });
    expect(await endpoint.request(join_(room, 'viewer', false))).toBeUndefined();
    endpoint.control({ type: 'mixer-attach', mode: 'auto', slots: [slot] });
    return { received: async () => received, leave: async () => endpoint.close() };
  };

  gatewayContract(() => ({
    publish,
    view,
    probe: async (room, peer) => Probe.join(await openLink(), room, peer),
    restartCore: async () => {
      await core.stop();
      await core.start();
      return performance.now();
    },
  }));

  test('registers 500 endpoints again soon after the core is back, and no client notices', async () => {
    const link = await openLink();
    const events: EndpointEvent[] = [];
    const endpoints = Array.from({ length: 500 }, () =>
      link.openEndpoint('sdk', undefined, { onEvent: (event) => events.push(event) }),
    );
    await Promise.all(endpoints.map((endpoint, index) => endpoint.request(join_('many', `p${index}`, true))));
    const probe = await Probe.join(await openLink(), 'many', 'probe');
    await waitFor('everybody is seen', () => probe.hasPeer('p499') && probe.hasPeer('p0'));
    events.length = 0;
    await core.stop();
    // What is asked of a link that does not know yet that it is lost would be answered without a core.
    await waitFor('the link is lost', () => !link.connected);
    await core.start();
    const backMs = performance.now();
    const late = await Probe.join(await openLink(), 'many', 'late');
    const everybody = Array.from({ length: 500 }, (_, index) => `p${index}`);
    await waitFor('everybody is registered again', () => everybody.every((peer) => late.hasPeer(peer)));
    expect(performance.now() - backMs).toBeLessThan(REATTACH_MS * 3);
    // Nobody was told of anything: for the clients nothing has happened.
    expect(events.filter(({ type }) => type !== 'peer-updated' && type !== 'peer-joined')).toEqual([]);
    expect(probe.departures).toEqual([]);
    for (const endpoint of endpoints) endpoint.close();
  });
});
