/**
 * What every gateway has to do for the room, whatever its clients speak: the same story for a fake gateway and for
 * each real one. The other side of the story is a {@link Probe}, an endpoint on a link of its own, which sees what
 * the core tells of the room and gets its media.
 */
import { expect, test } from 'vitest';
import { waitFor } from '../harness/wait.ts';
import type { Probe } from './probe.ts';

/** Somebody who publishes through the gateway under test. */
export interface ContractPublisher {
  /** Under this name the room sees it; a prefix where the gateway adds something. */
  readonly peer: string;
  /** A track that the room sees, `audio_main` or `video_main`. */
  readonly track: string;
  readonly kind: 'audio' | 'video';
  /** Leaves as a client of its kind does. */
  leave(): Promise<void>;
  /** How long its going may take to be noticed, milliseconds; default 15 s. */
  readonly goneMs?: number;
}

/** Somebody who watches or listens through the gateway under test. */
export interface ContractViewer {
  /** Media received so far, in a unit of the viewer's own; grows while media arrives. */
  received(): Promise<number>;
  leave(): Promise<void>;
}

export interface GatewayUnderTest {
  /** Called once everything runs. */
  publish(room: string): Promise<ContractPublisher>;
  /** Undefined where a gateway takes no viewers. */
  view?(room: string): Promise<ContractViewer>;
  probe(room: string, peer: string): Promise<Probe>;
  /** Kills the core hard and waits until another one is there. @returns When it was there, milliseconds of `performance.now()`. */
  restartCore(): Promise<number>;
}

/** How long a thing may take that happens at once. */
const SOON_MS = 15_000;
/** DESIGN §8: gateways reattach within a second after the core is back; media needs a keyframe on top of it. */
export const REATTACH_MS: number = 1000;
const MEDIA_BACK_MS = 5000;
const STORY_MS = 120_000;

/** Until media of what `publisher` publishes arrives at `probe`. */
async function receives(probe: Probe, publisher: ContractPublisher): Promise<void> {
  await waitFor('the track is seen', () => probe.tracksOf(publisher.peer).has(publisher.track), SOON_MS);
  await probe.attach(publisher);
  await waitFor('media arrives', () => probe.packets > 20, SOON_MS);
}

/** @param start Brings up the gateway under test; the suite shares it. */
export function gatewayContract(start: () => GatewayUnderTest): void {
  test('what it publishes is seen by the room, forwarded, and gone when it leaves', {
    timeout: STORY_MS,
  }, async () => {
    const gateway = start();
    const probe = await gateway.probe('contract-1', 'probe');
    const publisher = await gateway.publish('contract-1');
    await receives(probe, publisher);
    if (publisher.kind === 'video') expect(probe.beganWithKeyframe).toBe(true);
    await publisher.leave();
    await waitFor('the peer is gone', () => !probe.hasPeer(publisher.peer), publisher.goneMs ?? SOON_MS);
    expect(probe.tracksOf(publisher.peer).size).toBe(0);
    probe.close();
  });

  test('it makes a keyframe for who asks, where its source can', { timeout: STORY_MS }, async () => {
    const gateway = start();
    const publisher = await gateway.publish('contract-2');
    const probe = await gateway.probe('contract-2', 'probe');
    await receives(probe, publisher);
    if (publisher.kind === 'video') {
      // A source that makes none is replayed from its last one: the viewer cannot tell.
      const before = probe.keyframes;
      await waitFor(
        'another keyframe arrives',
        () => {
          probe.requestKeyframe();
          return probe.keyframes > before;
        },
        SOON_MS,
      );
    }
    await publisher.leave();
    probe.close();
  });

  test('what others publish reaches its viewers', { timeout: STORY_MS }, async () => {
    const gateway = start();
    if (gateway.view === undefined) return;
    const probe = await gateway.probe('contract-3', 'probe');
    const stop = probe.speak();
    const viewer = await gateway.view('contract-3');
    const before = await viewer.received();
    await waitFor('media reaches the viewer', async () => (await viewer.received()) > before + 20, SOON_MS);
    await viewer.leave();
    stop();
    probe.close();
  });

  test('a core that is killed and comes back takes nobody: media goes on', {
    timeout: STORY_MS,
  }, async () => {
    const gateway = start();
    const publisher = await gateway.publish('contract-4');
    const probe = await gateway.probe('contract-4', 'probe');
    await receives(probe, publisher);
    probe.clearNews();
    const backMs = await gateway.restartCore();
    const before = probe.packets;
    await waitFor('media goes on', () => probe.packets > before + 20, MEDIA_BACK_MS + SOON_MS);
    expect(probe.lastPacketMs - backMs).toBeLessThan(MEDIA_BACK_MS);
    // Nobody was told that anybody left.
    expect(probe.departures).toEqual([]);
    await publisher.leave();
    await waitFor('the peer is gone', () => !probe.hasPeer(publisher.peer), publisher.goneMs ?? SOON_MS);
    probe.close();
  });
}
