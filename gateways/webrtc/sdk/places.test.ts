import { expect, it } from 'vitest';
import { Places } from './places.ts';

const HOME = 'ws://a/ws';
const next = (places: Places): string => {
  places.leave();
  return places.current;
};

it('stays at home when there is nowhere else', () => {
  const places = new Places(HOME);
  expect([next(places), next(places)]).toEqual([HOME, HOME]);
});

it('goes round the places it was told, best first, and comes back home', () => {
  const places = new Places(HOME);
  places.told(['http://b', 'https://c']);
  expect([next(places), next(places), next(places), next(places)]).toEqual([
    'ws://b/ws',
    'wss://c/ws',
    HOME,
    'ws://b/ws',
  ]);
});

it('takes what the new place tells, with home as one of the ways', () => {
  const places = new Places(HOME);
  places.told(['http://b']);
  expect(next(places)).toBe('ws://b/ws');
  places.told(['http://c']);
  expect([next(places), next(places)]).toEqual(['ws://c/ws', HOME]);
});

it('ignores what is no server', () => {
  const places = new Places(HOME);
  places.told(['nonsense', 'ftp://x']);
  expect(next(places)).toBe(HOME);
});
