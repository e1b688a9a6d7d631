import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAMERA_FRAMES_PER_SECOND as FRAMES_PER_SECOND, LinkCamera } from '../harness/link-camera.ts';
import { SizeViewer } from '../harness/size-viewer.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** Payload of every packet of an encoding: by its size a viewer's packet tells which encoding it is of. */
const PAYLOAD_BYTES = [200, 500, 1000] as const;

describe('a WHEP viewer chooses its layers', () => {
  let yard: Yard;
  let camera: LinkCamera;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    camera = new LinkCamera(yard.socket, PAYLOAD_BYTES);
    await camera.publish('demo', 'camera');
  });

  afterAll(async () => {
    await camera?.close();
    expect(yard?.errors()).toEqual([]);
    await yard?.stop();
  });

  const gets = (viewer: SizeViewer, what: string, spatial: 0 | 1 | 2, perSecond: number): Promise<true> =>
    waitFor(
      what,
      () => viewer.hasOnly(PAYLOAD_BYTES[spatial], perSecond) || undefined,
      20_000,
      () => viewer.sizes,
    );

  it('by the layer resource: encoding, limits, frame rate, and back to automatic', async () => {
    const viewer = await SizeViewer.watch(`${yard.http}/whep/demo`);
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
    const viewer = await SizeViewer.watch(`${yard.http}/whep/demo?maxSpatial=0&maxTemporal=0`);
    await gets(viewer, 'the lowest encoding at half the rate', 0, FRAMES_PER_SECOND / 2);
    await yard.kill('core');
    await yard.run('core');
    await yard.waitAttached(2);
    await waitFor(
      'media goes on',
      () => viewer.hasOnly(PAYLOAD_BYTES[0], FRAMES_PER_SECOND / 2) || undefined,
      20_000,
    );
    await viewer.transport.close();
    const refused = await fetch(`${yard.http}/whep/demo?maxSpatial=high`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: 'v=0\r\n',
    });
    expect(refused.status).toBe(400);
  });

  it('is told what there is to choose from, and when it begins and ends', async () => {
    const viewer = await SizeViewer.watch(`${yard.http}/whep/demo?peer=camera`);
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
