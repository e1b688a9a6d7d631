import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointControl,
  trackId,
} from '@switchyard/shared/protocol';
import { expect, test } from 'vitest';
import { narrowJoin, permissionError } from './permission-check.ts';

const NOTHING = { publish: false, subscribe: false, data: false };
const track = trackId(1);
const source = { peer: 'bob', track: 'audio_main' };

test.for<{ needs: 'publish' | 'subscribe' | 'data' | undefined; control: EndpointControl }>([
  {
    needs: 'publish',
    control: {
      type: 'remote-track-start',
      track,
      info: { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] },
    },
  },
  { needs: 'subscribe', control: { type: 'subscribe-peer', peer: 'bob' } },
  {
    needs: 'subscribe',
    control: { type: 'local-track-attach', track, kind: 'audio', source, config: DEFAULT_LOCAL_TRACK_CONFIG },
  },
  { needs: 'subscribe', control: { type: 'mixer-attach', mode: 'auto', slots: [track] } },
  { needs: 'subscribe', control: { type: 'mixer-config', sources: [source] } },
  { needs: 'data', control: { type: 'channel-publish-start', label: 'chat' } },
  { needs: 'data', control: { type: 'channel-subscribe', label: 'chat' } },
  { needs: 'data', control: { type: 'channel-publish', label: 'chat', data: 'hi' } },
  { needs: undefined, control: { type: 'update-peer', metadata: '{}' } },
  { needs: undefined, control: { type: 'leave' } },
  { needs: undefined, control: { type: 'mixer-detach' } },
])('$control.type needs $needs', ({ needs, control }) => {
  expect(permissionError(control, ALL_PERMISSIONS)).toBeUndefined();
  if (needs === undefined) {
    expect(permissionError(control, NOTHING)).toBeUndefined();
    return;
  }
  expect(permissionError(control, { ...NOTHING, [needs]: true })).toBeUndefined();
  expect(permissionError(control, { ...ALL_PERMISSIONS, [needs]: false })).toMatchObject({
    code: 'not-allowed',
  });
});

test.for([
  { name: 'everything', permissions: ALL_PERMISSIONS, publish: true, subscribe: true },
  {
    name: 'publish only',
    permissions: { ...NOTHING, publish: true },
    publish: true,
    subscribe: false,
  },
  {
    name: 'subscribe only',
    permissions: { ...NOTHING, subscribe: true },
    publish: false,
    subscribe: true,
  },
])('a join with $name keeps the scopes that are permitted', ({ permissions, publish, subscribe }) => {
  const join = narrowJoin({
    type: 'join',
    app: 'default',
    room: 'demo',
    peer: 'ann',
    publish: { peer: true, tracks: true },
    subscribe: { peers: true, tracks: true },
    permissions,
    replace: false,
  });
  expect(join.publish).toEqual({ peer: true, tracks: publish });
  expect(join.subscribe).toEqual({ peers: subscribe, tracks: subscribe });
});
