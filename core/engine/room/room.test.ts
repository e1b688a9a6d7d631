import {
  type EndpointControl,
  type LayerInfo,
  SUBSCRIPTIONS_MAX,
  trackId,
} from '@switchyard/shared/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualYard } from '../../testing/virtual-yard.ts';

let yard = new VirtualYard();
beforeEach(() => {
  yard = new VirtualYard();
});

const NOTHING = { peer: false, tracks: false };
const BLIND = { peers: false, tracks: false };

describe('who is told of what', () => {
  const everything = ['peer-joined ann meta', 'track-started ann/video_main', 'track-started ann/audio_main'];
  test.for([
    { name: 'everything', subscribe: { peers: true, tracks: true }, expected: everything },
    { name: 'peers alone', subscribe: { peers: true, tracks: false }, expected: everything.slice(0, 1) },
    { name: 'tracks alone', subscribe: { peers: false, tracks: true }, expected: everything.slice(1) },
    { name: 'nothing', subscribe: BLIND, expected: [] },
  ])('a late joiner in the scope of $name', ({ subscribe, expected }) => {
    yard.join(1, 'ann', { metadata: 'meta' });
    yard.publish(1, 1);
    yard.publishAudio(1, 2);
    yard.join(2, 'bob', { subscribe });
    expect(yard.presence(2)).toEqual(expected);
    yard.forget();
    yard.leave(1);
    expect(yard.presence(2)).toHaveLength(expected.length);
    yard.join(1, 'ann', { metadata: 'meta' });
    yard.publish(1, 1);
    yard.publishAudio(1, 2);
    expect(yard.presence(2).slice(expected.length)).toEqual(expected);
  });

  test('a publisher of tracks alone is not seen as a peer', () => {
    yard.join(1, 'ann');
    yard.join(2, 'camera', { publish: { peer: false, tracks: true } });
    yard.publish(2, 1);
    yard.leave(2);
    expect(yard.presence(1)).toEqual(['track-started camera/video_main', 'track-stopped camera/video_main']);
  });

  test('news of a peer and of a track reach who is told of them', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    yard.join(3, 'eve', { subscribe: BLIND });
    yard.forget();
    yard.ask(1, { type: 'update-peer', metadata: 'away' });
    yard.ask(1, { type: 'remote-track-update', track: trackId(1), metadata: 'muted' });
    expect(yard.presence(2)).toEqual(['peer-updated ann away', 'track-updated ann/video_main']);
    expect(yard.told(2, 'track-updated')[0]?.info).toMatchObject({ metadata: 'muted', codec: 'vp8' });
    expect(yard.presence(3)).toEqual([]);
    yard.join(4, 'dan');
    expect(yard.presence(4)).toContain('peer-joined ann away');
  });

  test('sizes of layers are news to the room, whether one is sent just now is not', () => {
    yard.join(1, 'ann');
    yard.join(2, 'bob');
    yard.publish(1, 1);
    yard.forget();
    const update = (layers: readonly LayerInfo[]): void =>
      void yard.ask(1, { type: 'remote-track-update', track: trackId(1), layers });
    update([
      { rid: 'l', height: 180 },
      { rid: 'h', active: false },
    ]);
    update([{ rid: 'l', height: 180 }, { rid: 'h' }]);
    update([{ rid: 'l', height: 180, active: false }, { rid: 'h' }]);
    expect(yard.told(2, 'track-updated').map(({ info }) => info.layers)).toEqual([
      [{ rid: 'l', height: 180 }, { rid: 'h' }],
    ]);
    yard.join(3, 'eve');
    expect(yard.told(3, 'track-started')[0]?.info.layers).toEqual([{ rid: 'l', height: 180 }, { rid: 'h' }]);
  });

  test('subscribing by hand tells what the scope has not, once', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob', { subscribe: { peers: true, tracks: false } });
    yard.forget();
    yard.ask(2, { type: 'subscribe-peer', peer: 'ann' });
    yard.ask(2, { type: 'subscribe-peer', peer: 'ann' });
    expect(yard.presence(2)).toEqual(['track-started ann/video_main']);
  });

  test('unsubscribing takes away what the scope does not show, and nothing more comes', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.publishAudio(1, 2);
    const scopes = [BLIND, { peers: true, tracks: false }, { peers: false, tracks: true }];
    for (const [index, subscribe] of scopes.entries()) {
      const viewer = index + 2;
      yard.join(viewer, `viewer-${viewer}`, { subscribe, publish: NOTHING });
      yard.ask(viewer, { type: 'subscribe-peer', peer: 'ann' });
    }
    yard.forget();
    for (const viewer of [2, 3, 4]) yard.ask(viewer, { type: 'unsubscribe-peer', peer: 'ann' });
    const tracks = ['track-stopped ann/video_main', 'track-stopped ann/audio_main'];
    expect(yard.presence(2)).toEqual([...tracks, 'peer-left ann']);
    expect(yard.presence(3)).toEqual(tracks);
    expect(yard.presence(4)).toEqual(['peer-left ann']);
    yard.forget();
    yard.leave(1);
    expect(yard.presence(2)).toEqual([]);
    expect(yard.presence(3)).toEqual(['peer-left ann']);
    expect(yard.presence(4)).toEqual(tracks);
    expect(yard.ask(2, { type: 'unsubscribe-peer', peer: 'ann' })).toBe('unknown-peer');
  });

  test('a peer that is subscribed before it is here is told of when it comes', () => {
    yard.join(2, 'bob', { subscribe: BLIND });
    expect(yard.ask(2, { type: 'subscribe-peer', peer: 'ann' })).toBeUndefined();
    yard.join(1, 'ann');
    yard.publish(1, 1);
    expect(yard.presence(2)).toEqual(['peer-joined ann', 'track-started ann/video_main']);
  });

  test('joining a second room leaves the first, with everything', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(2, 'bob');
    yard.attach(1, 1, 'bob');
    yard.forget();
    expect(
      yard.ask(1, {
        type: 'join',
        app: 'default',
        room: 'other',
        peer: 'ann',
        publish: { peer: true, tracks: true },
        subscribe: { peers: true, tracks: true },
        permissions: { publish: true, subscribe: true, data: true },
        replace: false,
      }),
    ).toBeUndefined();
    expect(yard.presence(2)).toEqual(['track-stopped ann/video_main', 'peer-left ann']);
    expect(yard.engine.room('default', 'demo')?.endpoints.size).toBe(1);
    // Its old tracks are gone: the numbers mean nothing.
    expect(yard.ask(1, { type: 'remote-track-stop', track: trackId(1) })).toBe('unknown-track');
    expect(yard.ask(1, { type: 'local-track-detach', track: trackId(1) })).toBe('unknown-track');
  });
});

describe('two sessions of one name', () => {
  test('the second is refused, and the first goes on', () => {
    yard.join(1, 'ann');
    yard.join(3, 'bob');
    expect(yard.join(2, 'ann')).toBe('peer-name-taken');
    expect(yard.presence(3)).toEqual(['peer-joined ann']);
    expect(yard.ask(1, { type: 'update-peer', metadata: 'x' })).toBeUndefined();
  });

  test('or takes over: the room sees the first go before the second comes', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(3, 'bob');
    yard.forget();
    expect(yard.join(2, 'ann', { replace: true })).toBeUndefined();
    yard.publish(2, 5);
    expect(yard.told(1, 'closed')).toEqual([{ type: 'closed', error: { code: 'replaced' } }]);
    expect(yard.presence(3)).toEqual([
      'track-stopped ann/video_main',
      'peer-left ann',
      'peer-joined ann',
      'track-started ann/video_main',
    ]);
    expect(yard.ask(1, { type: 'leave' })).toBe('unknown-endpoint');
  });

  test('who publishes tracks unseen holds the name too', () => {
    yard.join(1, 'ann', { publish: { peer: false, tracks: true } });
    expect(yard.join(2, 'ann')).toBe('peer-name-taken');
    expect(yard.join(2, 'ann', { replace: true })).toBeUndefined();
    expect(yard.told(1, 'closed')).toHaveLength(1);
  });

  test('viewers hold no name: any number of them may share one, with a publisher too', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    for (const viewer of [2, 3]) {
      expect(yard.join(viewer, 'ann', { publish: NOTHING })).toBeUndefined();
      expect(yard.presence(viewer)).toEqual(['peer-joined ann', 'track-started ann/video_main']);
    }
    yard.leave(2);
    expect(yard.presence(3)).toHaveLength(2);
  });

  test('the same session may join again', () => {
    yard.join(1, 'ann');
    const again: EndpointControl = {
      type: 'join',
      app: 'default',
      room: 'demo',
      peer: 'ann',
      publish: { peer: true, tracks: true },
      subscribe: { peers: true, tracks: true },
      permissions: { publish: true, subscribe: true, data: true },
      replace: false,
    };
    expect(yard.ask(1, again)).toBeUndefined();
    expect(yard.presence(1)).toEqual([]);
  });

  test('a session of another node that takes the name over ends the one that is here', () => {
    yard.join(1, 'ann');
    yard.publish(1, 1);
    yard.join(3, 'bob');
    yard.forget();
    const map = 'default/demo';
    yard.fabric.set(map, 'peer/ann', { kind: 'peer', peer: 'ann', session: 'elsewhere/1' }, yard.nowMs);
    expect(yard.told(1, 'closed')).toEqual([{ type: 'closed', error: { code: 'replaced' } }]);
    expect(yard.presence(3)).toEqual(['peer-left ann', 'peer-joined ann', 'track-stopped ann/video_main']);
    expect(yard.engine.room('default', 'demo')?.peers.get('ann')).toMatchObject({ shown: true });
  });
});

describe('message channels', () => {
  const calls: string[] = [];
  beforeEach(() => {
    calls.length = 0;
    for (const verb of ['publishLabel', 'unpublishLabel', 'subscribeLabel', 'unsubscribeLabel'] as const) {
      const before = yard.fabric[verb].bind(yard.fabric);
      yard.fabric[verb] = (map, label) => {
        calls.push(`${verb} ${label}`);
        before(map, label);
      };
    }
    for (const [endpoint, peer] of [[1, 'ann'] as const, [2, 'bob'] as const, [3, 'cat'] as const])
      yard.join(endpoint, peer);
  });
  const messages = (endpoint: number): string[] =>
    yard.told(endpoint, 'channel-message').map(({ peer, data }) => `${peer}: ${data}`);

  test('reach who subscribed, not the sender, not other labels', () => {
    yard.ask(1, { type: 'channel-subscribe', label: 'chat' });
    yard.ask(2, { type: 'channel-subscribe', label: 'chat' });
    yard.ask(3, { type: 'channel-subscribe', label: 'other' });
    yard.ask(1, { type: 'channel-publish', label: 'chat', data: 'hello' });
    expect([messages(1), messages(2), messages(3)]).toEqual([[], ['ann: hello'], []]);
    yard.ask(2, { type: 'channel-unsubscribe', label: 'chat' });
    yard.ask(1, { type: 'channel-publish', label: 'chat', data: 'again' });
    expect(messages(2)).toEqual(['ann: hello']);
    expect(yard.ask(2, { type: 'channel-unsubscribe', label: 'chat' })).toBe('invalid-request');
  });

  test('a viewer that shares the sender’s name hears it', () => {
    yard.join(4, 'ann', { publish: NOTHING });
    yard.ask(4, { type: 'channel-subscribe', label: 'chat' });
    yard.ask(1, { type: 'channel-publish', label: 'chat', data: 'hello' });
    expect(messages(4)).toEqual(['ann: hello']);
  });

  test('the fabric hears of the first publisher and subscriber, and of the last', () => {
    yard.ask(1, { type: 'channel-publish-start', label: 'chat' });
    yard.ask(2, { type: 'channel-publish', label: 'chat', data: 'x' });
    yard.ask(1, { type: 'channel-subscribe', label: 'chat' });
    yard.ask(3, { type: 'channel-subscribe', label: 'chat' });
    expect(calls).toEqual(['publishLabel chat', 'subscribeLabel chat']);
    yard.ask(1, { type: 'channel-publish-stop', label: 'chat' });
    yard.ask(1, { type: 'channel-unsubscribe', label: 'chat' });
    expect(calls).toHaveLength(2);
    yard.leave(2);
    yard.leave(3);
    expect(calls.slice(2)).toEqual(['unpublishLabel chat', 'unsubscribeLabel chat']);
    expect(yard.engine.room('default', 'demo')?.labels.counts).toEqual([]);
    expect(yard.ask(1, { type: 'channel-publish-stop', label: 'chat' })).toBe('invalid-request');
  });

  test('are bounded in number and size', () => {
    for (let label = 0; label < SUBSCRIPTIONS_MAX; label += 1)
      expect(yard.ask(1, { type: 'channel-subscribe', label: `l${label}` })).toBeUndefined();
    expect(yard.ask(1, { type: 'channel-subscribe', label: 'more' })).toBe('limit-exceeded');
    expect(yard.ask(1, { type: 'channel-subscribe', label: 'l0' })).toBeUndefined();
    expect(yard.ask(1, { type: 'channel-publish', label: 'l0', data: 'é'.repeat(8193) })).toBe(
      'limit-exceeded',
    );
    expect(yard.ask(1, { type: 'channel-publish', label: 'a b', data: '' })).toBe('invalid-name');
  });
});

test('a node that drains asks everybody to go, takes no more, and serves who stays', () => {
  yard.join(1, 'ann');
  yard.join(2, 'bob');
  yard.engine.drain('restart');
  expect(yard.told(1, 'go-away')).toEqual([{ type: 'go-away', reason: 'restart' }]);
  expect(yard.join(3, 'cat')).toBe('draining');
  expect(yard.publish(1, 1)).toBeUndefined();
  expect(yard.presence(2)).toContain('track-started ann/video_main');
});
