import type { PresenceValue } from '@switchyard/core/engine';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OwnedValue } from './control-plane.ts';
import { OwnedMaps } from './owned-maps.ts';

const MAP = 'default/demo';
const value = (peer: string, session = '1', node = 'a'): OwnedValue => ({
  node,
  session,
  value: { kind: 'peer', peer, session } as PresenceValue,
});

describe('the maps of a cluster', () => {
  let told: string[];
  let alive: Set<string>;
  let maps: OwnedMaps;
  const read = (entries: Record<string, OwnedValue>): void =>
    maps.endSnapshot(MAP, new Map(Object.entries(entries)));

  beforeEach(() => {
    told = [];
    alive = new Set(['a 1', 'b 1', 'b 2']);
    maps = new OwnedMaps((node, session) => alive.has(`${node} ${session}`), {
      mapSet: (_map, key, { node, session }) => told.push(`set ${key} ${node}${session}`),
      mapDeleted: (_map, key) => told.push(`deleted ${key}`),
    });
    maps.watch(MAP);
  });

  it('what a dead process wrote is not seen', () => {
    maps.set(MAP, 'ann', value('ann', '0'));
    maps.set(MAP, 'bob', value('bob'));
    expect(told).toEqual(['set bob a1']);
  });

  it('the people of a process go with it, and are seen when it is heard of', () => {
    maps.set(MAP, 'ann', value('ann'));
    maps.set(MAP, 'bob', value('bob', '3', 'b'));
    alive = new Set(['b 3']);
    maps.down('a', '1');
    maps.up('b', '3');
    expect(told).toEqual(['set ann a1', 'deleted ann', 'set bob b3']);
  });

  it('what a snapshot adds, changes and leaves out is told, what it repeats is not', () => {
    for (const name of ['ann', 'bob', 'eve']) maps.set(MAP, name, value(name));
    told = [];
    maps.beginSnapshot(MAP);
    read({ ann: value('ann'), bob: value('bob', '2', 'b'), joe: value('joe') });
    expect(told).toEqual(['deleted eve', 'set bob b2', 'set joe a1']);
  });

  it('what changes while a snapshot is read is newer than what was read', () => {
    maps.set(MAP, 'ann', value('ann'));
    maps.set(MAP, 'eve', value('eve'));
    told = [];
    maps.beginSnapshot(MAP);
    maps.set(MAP, 'ann', value('ann', '2', 'b'));
    maps.set(MAP, 'joe', value('joe', '2', 'b'));
    maps.delete(MAP, 'eve');
    // Read before: the one that wrote `ann` is dead, or another process, or is as it was.
    read({ ann: value('ann', '0', 'b'), eve: value('eve') });
    expect(told).toEqual(['set ann b2', 'set joe b2', 'deleted eve']);
    expect(maps.get(MAP, 'ann')?.session).toBe('2');
  });

  it('a map that is no longer watched forgets the snapshot that was begun', () => {
    maps.beginSnapshot(MAP);
    maps.unwatch(MAP);
    maps.watch(MAP);
    read({ ann: value('ann') });
    expect(told).toEqual([]);
  });
});
