import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAMERA_FRAMES_PER_SECOND, LinkCamera } from '../harness/link-camera.ts';
import { SizeViewer } from '../harness/size-viewer.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** Payloads of the two cameras. */
const ANN_BYTES = 400;
const BOB_BYTES = 800;
/** Before, it took the 10 s after which a gateway gives up a browser. */
const LEFT_WITHIN_MS = 6000;

/** One story: the tests build on each other. */
describe('a WHEP viewer of whoever is there', () => {
  let yard: Yard;
  let ann: LinkCamera;
  let bob: LinkCamera;
  let viewer: SizeViewer;

  beforeAll(async () => {
    yard = await Yard.start(['webrtc']);
    ann = new LinkCamera(yard.socket, [ANN_BYTES]);
    await ann.publish('demo', 'ann');
    bob = new LinkCamera(yard.socket, [BOB_BYTES]);
    await bob.publish('demo', 'bob');
  });

  afterAll(async () => {
    await viewer?.transport.close();
    await ann?.close();
    await bob?.close();
    expect(yard?.errors()).toEqual([]);
    await yard?.stop();
  });

  const gets = (who: SizeViewer, what: string, bytes: number, deadlineMs?: number): Promise<true> =>
    waitFor(
      what,
      () => who.hasOnly(bytes, CAMERA_FRAMES_PER_SECOND) || undefined,
      deadlineMs,
      () => who.sizes,
    );

  it('leaves the newest when its picture stops and another one flows', async () => {
    viewer = await SizeViewer.watch(`${yard.http}/whep/demo`);
    await gets(viewer, 'the newest', BOB_BYTES);
    bob.flows = false;
    await gets(viewer, 'the other', ANN_BYTES, LEFT_WITHIN_MS);
  });

  it('and one who comes then is not kept waiting by it, unless it was asked for', async () => {
    const late = await SizeViewer.watch(`${yard.http}/whep/demo`);
    const loyal = await SizeViewer.watch(`${yard.http}/whep/demo?peer=bob`);
    await gets(late, 'the one that flows', ANN_BYTES, LEFT_WITHIN_MS);
    expect(loyal.sizes).toBe('');
    bob.flows = true;
    await gets(loyal, 'the one that was asked for', BOB_BYTES);
    await gets(viewer, 'still the other', ANN_BYTES);
    await late.transport.close();
    await loyal.transport.close();
  });
});
