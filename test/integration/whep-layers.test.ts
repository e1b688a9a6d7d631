import { emptyMediaPacket } from '@switchyard/shared/media';
import { ALL_PERMISSIONS, trackId } from '@switchyard/shared/protocol';
import { CoreLink, createLogger, type LinkEndpoint } from '@switchyard/shared/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificate } from '../../gateways/webrtc/server/transport/certificate.ts';
import { LoadTransport } from '../bench/load/load-transport.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

const TRACK = trackId(1);
const FRAMES_PER_SECOND = 30;
const RIDS = ['l', 'm', 'h'] as const;
/** Payload of every packet of an encoding: by its size a viewer's packet tells which encoding it is of. */
const PAYLOAD_BYTES = [200, 500, 1000] as const;
/** RTP header, extensions and the tag of SRTP. */
const OVERHEAD_MAX_BYTES = 100;

/** Publishes simulcast of two temporal layers straight into the core, with a keyframe for every request. */
class Camera {
  readonly #link: CoreLink;
  readonly #endpoint: LinkEndpoint;
  readonly #keyframe = RIDS.map(() => true);
  #frames = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: string) {
    this.#link = new CoreLink({
      target: { path: socket },
      kind: 'webrtc',
      logger: createLogger('test', 'silent'),
    });
    this.#link.start();
    this.#endpoint = this.#link.openEndpoint('whip', undefined, {
      onEvent: (event) => {
        if (event.type === 'remote-track-keyframe-request') this.#keyframe[event.spatial] = true;
      },
    });
  }

  async publish(room: string, peer: string): Promise<void> {
    await waitFor('the camera is attached', () => this.#link.connected);
    const error = await this.#endpoint.request({
      type: 'join',
      app: 'default',
      room,
      peer,
      publish: { peer: true, tracks: true },
      subscribe: { peers: false, tracks: false },
      permissions: ALL_PERMISSIONS,
      replace: false,
    });
    expect(error).toBeUndefined();
    this.start();
    this.#timer = setInterval(() => this.#frame(), 1000 / FRAMES_PER_SECOND);
  }

  start(): void {
    this.#endpoint.control({
      type: 'remote-track-start',
      track: TRACK,
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers: RIDS.map((rid) => ({ rid })) },
    });
  }

  /** The track ends; the camera stays. */
  stop(): void {
    this.#endpoint.control({ type: 'remote-track-stop', track: TRACK });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#endpoint.close();
    await this.#link.close();
  }

  #frame(): void {
    this.#frames += 1;
    for (const [spatial, bytes] of PAYLOAD_BYTES.entries()) {
      const packet = emptyMediaPacket('vp8');
      packet.keyframe = this.#keyframe[spatial] === true;
      this.#keyframe[spatial] = false;
      packet.seq = this.#frames & 0xffff;
      packet.timestamp = (this.#frames * 3000) >>> 0;
      packet.captureMs = performance.timeOrigin + performance.now();
      packet.spatial = spatial;
      packet.temporal = packet.keyframe ? 0 : this.#frames % 2;
      packet.switchingPoint = true;
      packet.frameStart = true;
      packet.frameEnd = true;
      packet.marker = true;
      packet.payload = new Uint8Array(bytes);
      // Descriptor and header of RFC 7741: nobody decodes this.
      packet.payload.set([0x10, packet.keyframe ? 0 : 1, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0]);
      this.#endpoint.media(TRACK, packet);
    }
  }
}

/** Watches by WHEP with a DTLS client of its own, and knows the size of what came. */
class Viewer {
  readonly transport: LoadTransport;
  #packets: { readonly atMs: number; readonly bytes: number }[] = [];

  private constructor(transport: (onRtp: (datagram: Buffer) => void) => LoadTransport) {
    this.transport = transport((datagram) => {
      // 96 is VP8 in the offer: what repairs or pads has another type.
      if ((datagram[1] ?? 0) % 128 === 96)
        this.#packets.push({ atMs: performance.now(), bytes: datagram.length });
    });
  }

  static async watch(url: string): Promise<Viewer> {
    const certificate = await createCertificate();
    const viewer = new Viewer(
      (onRtp) =>
        new LoadTransport({
          url,
          direction: 'recvonly',
          video: true,
          audio: false,
          ssrcs: { video: 0, audio: 0 },
          certificate,
          transportCc: true,
          onRtp,
          onRtcp: () => {},
        }),
    );
    await viewer.transport.connect();
    return viewer;
  }

  /** What came in the last half second is all of one encoding, and of `perSecond` frames a second. */
  hasOnly(spatial: number, perSecond: number): boolean {
    const sinceMs = performance.now() - 500;
    this.#packets = this.#packets.filter(({ atMs }) => atMs >= sinceMs);
    const expected = PAYLOAD_BYTES[spatial] ?? 0;
    const frames = this.#packets.length * 2;
    return (
      this.#packets.every(({ bytes }) => bytes >= expected && bytes <= expected + OVERHEAD_MAX_BYTES) &&
      Math.abs(frames - perSecond) <= perSecond / 3
    );
  }

  get sizes(): string {
    return this.#packets.map(({ bytes }) => bytes).join(' ');
  }
}

describe('a WHEP viewer chooses its layers', () => {
  let yard: Yard;
  let camera: Camera;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    camera = new Camera(yard.socket);
    await camera.publish('demo', 'camera');
  });

  afterAll(async () => {
    await camera?.close();
    expect(yard?.errors()).toEqual([]);
    await yard?.stop();
  });

  const gets = (viewer: Viewer, what: string, spatial: number, perSecond: number): Promise<true> =>
    waitFor(
      what,
      () => viewer.hasOnly(spatial, perSecond) || undefined,
      20_000,
      () => viewer.sizes,
    );

  it('by the layer resource: encoding, limits, frame rate, and back to automatic', async () => {
    const viewer = await Viewer.watch(`${yard.http}/whep/demo`);
    const select = async (body: object): Promise<unknown> => {
      const response = await fetch(`${viewer.transport.resource}/layer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (response.status === 200) return 200;
      expect(response.headers.get('content-type')).toMatch('application/problem+json');
      return ((await response.json()) as { code: string }).code;
    };
    await gets(viewer, 'the top layer', 2, FRAMES_PER_SECOND);
    expect(await select({ mediaId: '0', encodingId: 'l' })).toBe(200);
    await gets(viewer, 'the lowest encoding', 0, FRAMES_PER_SECOND);
    expect(await select({ maxSpatialLayerId: 1, maxTemporalLayerId: 0 })).toBe(200);
    await gets(viewer, 'the middle one at half the rate', 1, FRAMES_PER_SECOND / 2);
    expect(await select({ encodingId: 'x' })).toBe('unknown-layer');
    expect(await select({ mediaId: '7' })).toBe('unknown-track');
    await gets(viewer, 'what was refused changes nothing', 1, FRAMES_PER_SECOND / 2);
    expect(await select({})).toBe(200);
    await gets(viewer, 'the top layer again', 2, FRAMES_PER_SECOND);
    await viewer.transport.close();
    expect(await select({})).toBe('unknown-endpoint');
  });

  it('by the address, and keeps the choice when the core comes back', async () => {
    const viewer = await Viewer.watch(`${yard.http}/whep/demo?maxSpatial=0&maxTemporal=0`);
    await gets(viewer, 'the lowest encoding at half the rate', 0, FRAMES_PER_SECOND / 2);
    await yard.kill('core');
    await yard.run('core');
    await yard.waitAttached(2);
    await waitFor('media goes on', () => viewer.hasOnly(0, FRAMES_PER_SECOND / 2) || undefined, 20_000);
    await viewer.transport.close();
    const refused = await fetch(`${yard.http}/whep/demo?maxSpatial=high`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: 'v=0\r\n',
    });
    expect(refused.status).toBe(400);
  });

  it('is told what there is to choose from, and when it begins and ends', async () => {
    const viewer = await Viewer.watch(`${yard.http}/whep/demo?peer=camera`);
    const created = await fetch(`${viewer.transport.resource}/sse`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '["active","inactive","layers"]',
    });
    expect(created.status).toBe(201);
    const stream = await fetch(new URL(created.headers.get('location') ?? '', yard.http));
    let text = '';
    const done = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of stream.body ?? []) text += decoder.decode(chunk);
    })();
    const has = (what: string): Promise<true> =>
      waitFor(
        what,
        () => text.includes(what) || undefined,
        10_000,
        () => text,
      );
    await has('"encodingId":"h","simulcastIdx":2,"spatialLayerId":2');
    await has('"encodingId":"h","simulcastIdx":2,"spatialLayerId":2,"temporalLayerId":1,"bitrate":');
    expect(text.indexOf('event: active')).toBeLessThan(text.indexOf('event: layers'));
    camera.stop();
    await has('event: inactive');
    camera.start();
    await waitFor('it is active again', () => text.split('event: active').length === 3 || undefined);
    await viewer.transport.close();
    await done;
  });
});
