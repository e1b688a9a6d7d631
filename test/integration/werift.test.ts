import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WeriftPeer } from '../../gateways/webrtc/testing/werift-peer.ts';
import { ImpairmentProxy, path } from '../harness/netem/impairment-proxy.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** One story: the tests build on each other. */
describe('WHIP and WHEP with a client that is not a browser', () => {
  let yard: Yard;
  let proxy: ImpairmentProxy;
  let publisher: WeriftPeer;
  const viewer = new WeriftPeer();
  const far = new WeriftPeer();

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    proxy = await ImpairmentProxy.start(yard.httpPort, 7, path({ delayMs: 10, loss: 0.1 }, { delayMs: 10 }));
  });

  afterAll(async () => {
    for (const peer of [viewer, far, publisher]) await peer?.leave();
    proxy?.close();
    await yard?.stop();
  });

  /** The numbers of the first `count` frames that were sent from the first one that came on, when none of them is missing. */
  const wholeFrames = (peer: WeriftPeer, count: number): Promise<number[]> =>
    waitFor(
      `${count} frames, none missing`,
      () => {
        const first = Math.min(...peer.frames);
        const numbers = Array.from({ length: count }, (_, index) => first + index);
        return numbers.every((number) => peer.frames.has(number)) && numbers;
      },
      30_000,
      () => yard.log('webrtc'),
    );

  it('a viewer gets every frame, a keyframe first', async () => {
    publisher = new WeriftPeer();
    await publisher.publish(`${yard.http}/whip/demo?peer=camera`);
    await viewer.watch(`${yard.http}/whep/demo?peer=camera`);
    const [first = -1] = await wholeFrames(viewer, 60);
    expect(viewer.keyframes.has(first)).toBe(true);
  });

  it('a keyframe that the viewer asks for comes', async () => {
    const before = { asked: publisher.keyframeRequests, came: viewer.keyframes.size };
    await viewer.requestKeyframe();
    await waitFor('the request at the publisher', () => publisher.keyframeRequests > before.asked);
    await waitFor('the keyframe', () => viewer.keyframes.size > before.came);
  });

  it('what is lost on the way to a viewer is repaired', async () => {
    await far.watch(`${yard.http}/whep/demo?peer=camera`, proxy.port);
    await wholeFrames(far, 150);
    expect(proxy.counts.lost).toBeGreaterThan(5);
  });

  it('a publisher that comes back is seen without a new negotiation', async () => {
    await publisher.leave();
    viewer.frames.clear();
    viewer.keyframes.clear();
    publisher = new WeriftPeer();
    await publisher.publish(`${yard.http}/whip/demo?peer=camera`);
    const [first = -1] = await wholeFrames(viewer, 30);
    expect(viewer.keyframes.has(first)).toBe(true);
  });
});
