import { type EndpointControl, TRACKS_MAX, trackId } from '@switchyard/shared/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualYard } from '../testing/virtual-yard.ts';

const config = { priority: 100, maxSpatial: 2, maxTemporal: 2 };
const source = { peer: 'ann', track: 'video_main' };
const track = trackId(7);
const video = { name: 'x', kind: 'video', codec: 'vp8', layers: [] } as const;
const MEGABYTE = 'x'.repeat(1 << 20);
const JOIN = {
  type: 'join',
  app: 'default',
  room: 'demo',
  peer: 'bob',
  publish: { peer: true, tracks: true },
  subscribe: { peers: true, tracks: true },
  permissions: { publish: true, subscribe: true, data: true },
  replace: false,
} as const;
const attach = (change: object): EndpointControl =>
  ({ type: 'local-track-attach', track, kind: 'video', source, config, ...change }) as EndpointControl;
const start = (change: object): EndpointControl =>
  ({ type: 'remote-track-start', track, info: { ...video, ...change } }) as EndpointControl;

let yard = new VirtualYard();
beforeEach(() => {
  yard = new VirtualYard();
  yard.join(1, 'ann');
  yard.publish(1, 1);
  yard.publishAudio(1, 2);
  yard.join(2, 'bob');
});

describe('every control, wrong in every way, gets its code', () => {
  const cases: readonly (readonly [string, EndpointControl, string])[] = [
    ['join: a room with a slash', { ...JOIN, room: 'a/b' }, 'invalid-name'],
    ['join: an empty peer', { ...JOIN, peer: '' }, 'invalid-name'],
    ['join: an app of 65 letters', { ...JOIN, app: 'a'.repeat(65) }, 'invalid-name'],
    ['join: megabyte metadata', { ...JOIN, metadata: MEGABYTE }, 'limit-exceeded'],
    ['join: 4,097 bytes in 1,366 letters', { ...JOIN, metadata: '€'.repeat(1366) }, 'limit-exceeded'],
    ['join: a taken name', { ...JOIN, peer: 'ann' }, 'peer-name-taken'],
    ['open in a room', { type: 'open', client: 'sdk' }, 'invalid-request'],
    ['update-peer: megabyte metadata', { type: 'update-peer', metadata: MEGABYTE }, 'limit-exceeded'],
    ['subscribe-peer: a bad name', { type: 'subscribe-peer', peer: '../ann' }, 'invalid-name'],
    ['unsubscribe-peer: not subscribed', { type: 'unsubscribe-peer', peer: 'ann' }, 'unknown-peer'],
    ['start: no name', start({ name: '' }), 'invalid-name'],
    ['start: priority 0', start({ priority: 0 }), 'invalid-priority'],
    ['start: priority 1,001', start({ priority: 1001 }), 'invalid-priority'],
    ['start: priority 1.5', start({ priority: 1.5 }), 'invalid-priority'],
    ['start: five layers', start({ layers: [{}, {}, {}, {}, {}] }), 'limit-exceeded'],
    ['start: audio of video', start({ kind: 'audio' }), 'invalid-request'],
    ['start: megabyte metadata', start({ metadata: MEGABYTE }), 'limit-exceeded'],
    ['update of an unknown track', { type: 'remote-track-update', track, priority: 1 }, 'unknown-track'],
    ['stop of an unknown track', { type: 'remote-track-stop', track }, 'unknown-track'],
    ['attach: priority 0', attach({ config: { ...config, priority: 0 } }), 'invalid-priority'],
    ['attach: priority −5', attach({ config: { ...config, priority: -5 } }), 'invalid-priority'],
    [
      'attach: crossed spatial limits',
      attach({ config: { ...config, minSpatial: 2, maxSpatial: 1 } }),
      'invalid-layer-limits',
    ],
    [
      'attach: crossed temporal limits',
      attach({ config: { ...config, minTemporal: 1, maxTemporal: 0 } }),
      'invalid-layer-limits',
    ],
    ['attach: half a layer', attach({ config: { ...config, maxSpatial: 0.5 } }), 'invalid-layer-limits'],
    ['attach: a bad peer', attach({ source: { peer: 'a b', track: 'x' } }), 'invalid-name'],
    ['attach: a bad track', attach({ source: { peer: 'ann', track: '' } }), 'invalid-name'],
    [
      'attach: a picture of a sound',
      attach({ source: { peer: 'ann', track: 'audio_main' } }),
      'invalid-request',
    ],
    ['detach of an unknown track', { type: 'local-track-detach', track }, 'unknown-track'],
    ['config of an unknown track', { type: 'local-track-config', track, config }, 'unknown-track'],
    [
      'mixer: one slot twice',
      { type: 'mixer-attach', mode: 'auto', slots: [track, track] },
      'invalid-request',
    ],
    [
      'mixer: a bad source',
      { type: 'mixer-attach', mode: 'manual', slots: [track], sources: [{ peer: '', track: 'x' }] },
      'invalid-name',
    ],
    [
      'mixer: 10,000 sources',
      {
        type: 'mixer-attach',
        mode: 'manual',
        slots: [],
        sources: Array.from({ length: 10_000 }, () => source),
      },
      'limit-exceeded',
    ],
    [
      'mixer: more slots than tracks',
      {
        type: 'mixer-attach',
        mode: 'auto',
        slots: Array.from({ length: TRACKS_MAX + 1 }, (_, i) => trackId(i)),
      },
      'limit-exceeded',
    ],
    ['no mixer to change', { type: 'mixer-config', paused: true }, 'wrong-mixer-mode'],
    ['channel-subscribe: no label', { type: 'channel-subscribe', label: '' }, 'invalid-name'],
    ['channel-unsubscribe: not subscribed', { type: 'channel-unsubscribe', label: 'x' }, 'invalid-request'],
    ['channel-publish-start: a bad label', { type: 'channel-publish-start', label: ' ' }, 'invalid-name'],
    ['channel-publish-stop: not started', { type: 'channel-publish-stop', label: 'x' }, 'invalid-request'],
    [
      'channel-publish: a megabyte',
      { type: 'channel-publish', label: 'x', data: MEGABYTE },
      'limit-exceeded',
    ],
  ];
  test.for(cases)('%s', ([, control, code]) => {
    expect(yard.ask(2, control)).toBe(code);
    // What is refused changes nothing, and the detail is of a bounded length.
    expect(yard.engine.room('default', 'demo')?.holderOf('bob')).toBeDefined();
    expect(JSON.stringify(yard.events).length).toBeLessThan(4000);
  });

  const everywhere: readonly EndpointControl[] = [
    { type: 'leave' },
    { type: 'update-peer', metadata: '' },
    { type: 'subscribe-peer', peer: 'ann' },
    { type: 'unsubscribe-peer', peer: 'ann' },
    start({}),
    { type: 'remote-track-update', track },
    { type: 'remote-track-stop', track },
    attach({}),
    { type: 'local-track-detach', track },
    { type: 'local-track-config', track, config },
    { type: 'mixer-attach', mode: 'auto', slots: [] },
    { type: 'mixer-config' },
    { type: 'mixer-detach' },
    { type: 'channel-subscribe', label: 'x' },
    { type: 'channel-unsubscribe', label: 'x' },
    { type: 'channel-publish-start', label: 'x' },
    { type: 'channel-publish-stop', label: 'x' },
    { type: 'channel-publish', label: 'x', data: '' },
  ];
  test.for(everywhere)('$type before a join and without an endpoint', (control) => {
    yard.open(5);
    expect(yard.ask(5, control)).toBe('not-in-room');
    expect(yard.ask(99, control)).toBe('unknown-endpoint');
  });
});

test('a refused attachment leaves the one before as it is', () => {
  expect(yard.attach(2, 7, 'ann')).toBeUndefined();
  expect(yard.attach(2, 7, 'ann', { priority: 0 })).toBe('invalid-priority');
  const local = yard.engine.room('default', 'demo')?.holderOf('bob')?.localTracks.get(7);
  expect(local).toMatchObject({ source: { peer: 'ann' }, config: { priority: 100 } });
});

test('10,000 tracks in either direction are 64, and the first go on', () => {
  for (let id = 10; id < 10_010; id += 1) {
    yard.publish(2, id, { name: `t${id}` });
    yard.attach(2, id, 'ann');
  }
  const bob = yard.engine.room('default', 'demo')?.holderOf('bob');
  expect([bob?.remoteTracks.size, bob?.localTracks.size]).toEqual([TRACKS_MAX, TRACKS_MAX]);
  expect(bob?.localTracks.get(10)?.source?.peer).toBe('ann');
});

test('a second track of a name is refused', () => {
  expect(yard.publish(2, 1)).toBeUndefined();
  expect(yard.publish(2, 2)).toBe('track-name-taken');
  expect(yard.publish(2, 1, { codec: 'vp9' })).toBeUndefined();
});

test('sound that comes for a picture is not forwarded', () => {
  yard.attach(2, 7, 'eve');
  yard.join(3, 'eve');
  yard.publishAudio(3, 1, 'video_main');
  yard.speak({ 3: -20 }, 200);
  expect(yard.forwarded).toEqual([]);
});
