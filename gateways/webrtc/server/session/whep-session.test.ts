import { type LayerReason, type LocalTrackStatus, trackId } from '@switchyard/shared/protocol';
import { describe, expect, test } from 'vitest';
import { FakeEnvironment, offerVector } from '../../testing/fake-ports.ts';
import { parseOffer } from '../sdp/sdp-offer.ts';
import type { HttpSession } from './http-session.ts';
import { openWhepSession } from './whep-session.ts';

const AUDIO = trackId(1);
const VIDEO = trackId(2);

/** A viewer that is connected, in a room with the cameras of Ann and, newer, of Bob. */
class Viewing {
  readonly environment = new FakeEnvironment();
  readonly session: HttpSession;

  private constructor(environment: FakeEnvironment, session: HttpSession) {
    this.environment = environment;
    this.session = session;
  }

  static async begin(peer?: string): Promise<Viewing> {
    const environment = new FakeEnvironment();
    const offer = parseOffer(offerVector('chrome-recvonly'));
    if (!offer.ok) throw new Error(offer.error.code);
    const request = {
      room: 'demo',
      peer,
      query: {},
      token: undefined,
      address: undefined,
      offer: offer.offer,
    };
    const result = await openWhepSession(environment, request, () => {});
    if (!result.ok) throw new Error(result.error.code);
    environment.transports.last.listener.onConnected();
    const viewing = new Viewing(environment, result.session);
    for (const name of peer === undefined ? ['ann', 'bob'] : [peer]) viewing.starts(name);
    return viewing;
  }

  starts(peer: string, name: string = 'video_main'): void {
    const info = { name, kind: 'video', codec: 'vp8', layers: [] } as const;
    this.environment.core.last.emit({ type: 'track-started', peer, info });
  }

  status(status: LocalTrackStatus, reason: LayerReason, track = VIDEO): void {
    this.environment.core.last.emit({ type: 'local-track-status', track, status, reason });
  }

  /** What the slot of the picture was attached to, in order. */
  get attached(): string[] {
    return this.environment.core.last.of('local-track-attach').map(({ source }) => source.peer);
  }
}

describe('a WHEP session', () => {
  test('leaves a picture that the core calls silent', async () => {
    const viewing = await Viewing.begin();
    viewing.environment.advance(5000);
    viewing.status('inactive', 'source-silent');
    expect(viewing.attached).toEqual(['ann', 'bob', 'ann']);
  });

  test('knows of a source that was silent from the start when what it is told is of that one', async () => {
    const viewing = await Viewing.begin();
    viewing.status('waiting', 'source-silent');
    viewing.environment.advance(499);
    expect(viewing.attached).toEqual(['ann', 'bob']);
    viewing.environment.advance(1);
    expect(viewing.attached).toEqual(['ann', 'bob', 'ann']);
  });

  test('stays when what was silent was the source before', async () => {
    const viewing = await Viewing.begin();
    viewing.status('inactive', 'source-silent');
    viewing.status('waiting', 'waiting-for-keyframe');
    viewing.environment.advance(60_000);
    expect(viewing.attached).toEqual(['ann', 'bob']);
  });

  test('comes back to the speaker by a timer', async () => {
    const viewing = await Viewing.begin();
    viewing.environment.core.last.emit({
      type: 'active-speaker',
      source: { peer: 'bob', track: 'audio_main' },
    });
    viewing.environment.advance(5000);
    viewing.status('inactive', 'source-silent');
    viewing.status('active', 'best');
    viewing.environment.advance(10_000);
    expect(viewing.attached).toEqual(['ann', 'bob', 'ann', 'bob']);
  });

  test.for<{ name: string; status: LocalTrackStatus; reason: LayerReason; track?: number }>([
    { name: 'a picture that waits for a keyframe', status: 'waiting', reason: 'waiting-for-keyframe' },
    { name: 'a picture that its own link does not carry', status: 'paused', reason: 'estimate' },
    { name: 'sound that is silent', status: 'inactive', reason: 'source-silent', track: AUDIO },
  ])('does not leave for $name', async ({ status, reason, track = VIDEO }) => {
    const viewing = await Viewing.begin();
    viewing.environment.advance(5000);
    viewing.status(status, reason, trackId(track));
    viewing.environment.advance(60_000);
    expect(viewing.attached).toEqual(['ann', 'bob']);
  });

  test('stays with the peer that was asked for, and with its newest picture, whatever they send', async () => {
    const viewing = await Viewing.begin('bob');
    viewing.starts('bob', 'screen');
    viewing.environment.advance(5000);
    viewing.status('inactive', 'source-silent');
    viewing.environment.advance(60_000);
    expect(viewing.attached).toEqual(['bob', 'bob']);
    expect(viewing.environment.timerCount).toBe(0);
  });

  test('leaves no timer behind', async () => {
    const viewing = await Viewing.begin();
    viewing.status('waiting', 'source-silent');
    expect(viewing.environment.timerCount).toBe(1);
    viewing.session.close();
    expect(viewing.environment.timerCount).toBe(0);
  });
});
