import { expect, test } from 'vitest';
import { StreamClock } from './stream-clock.ts';
import { readStreamKey } from './stream-key.ts';

test.for([
  ['live', 'demo', { room: 'demo', peer: undefined }],
  ['live', 'demo/obs', { room: 'demo', peer: 'obs' }],
  ['live', 'demo/obs?token=abc', { room: 'demo', peer: 'obs', token: 'abc' }],
  ['live', 'demo?a=b&token=a.b-c_d', { room: 'demo', peer: undefined, token: 'a.b-c_d' }],
  ['live?token=abc', 'demo', { room: 'demo', peer: undefined, token: 'abc' }],
  ['live/?token=abc', 'demo?token=nearer', { room: 'demo', peer: undefined, token: 'nearer' }],
  ['live', '/demo/', { room: 'demo', peer: undefined }],
  // Some encoders put a part of the key into the server address.
  ['live/demo', 'obs', { room: 'demo', peer: 'obs' }],
  ['live/demo', '', { room: 'demo', peer: undefined }],
] as const)('server /%s with the key %s', ([app, key, expected]) => {
  expect(readStreamKey(app, key)).toMatchObject(expected);
});

test.for([
  ['app', 'demo', 'must end in /live, not in /app'],
  ['', 'demo', 'must end in /live'],
  ['live', '', 'must be ROOM or ROOM/PEER'],
  ['live', 'a/b/c', 'must be ROOM or ROOM/PEER'],
  ['live', 'a b', 'must be ROOM or ROOM/PEER'],
  ['live', 'ü', 'must be ROOM or ROOM/PEER'],
  ['live', 'x'.repeat(65), 'must be ROOM or ROOM/PEER'],
] as const)('server /%s with the key %s is refused with a sentence', ([app, key, sentence]) => {
  expect(readStreamKey(app, key)).toContain(sentence);
});

test('time stamps of audio and video share one base', () => {
  const clock = new StreamClock();
  expect(clock.captureMs(500, 10_000)).toBe(10_000);
  // Arrives late, was captured 40 ms later all the same.
  expect(clock.captureMs(540, 10_090)).toBe(10_040);
});

test('an encoder that starts again begins a new line', () => {
  const clock = new StreamClock();
  clock.captureMs(900_000, 10_000);
  expect(clock.captureMs(0, 10_033)).toBe(10_033);
  expect(clock.captureMs(33, 10_066)).toBe(10_066);
});
