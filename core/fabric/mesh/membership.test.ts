import { describe, expect, it } from 'vitest';
import { Membership, type NodeRecord } from './membership.ts';

const record = (node: string, zone = 'z', session = `${node}-1`): NodeRecord => ({
  node,
  session,
  zone,
  relay: true,
  publicKey: '',
  url: `http://${node}`,
  addresses: [],
  version: 1,
});
const silentOnMesh = (): number => Number.NEGATIVE_INFINITY;
const names = (records: readonly NodeRecord[]): string[] => records.map(({ node }) => node);

describe('Membership', () => {
  it('asks for the record of a node that is new, and of another process with its name', () => {
    const members = new Membership('a', 'z');
    expect(members.heard('b', 'b-1', 0, 0)).toBe(true);
    expect(members.up(record('b'), 0)).toBeUndefined();
    expect(members.heard('b', 'b-1', 0, 10)).toBe(false);
    expect(members.heard('b', 'b-2', 0, 20)).toBe(true);
    expect(members.up(record('b', 'z', 'b-2'), 20)).toMatchObject({ session: 'b-1' });
    expect(members.isAlive('b', 'b-1')).toBe(false);
    expect(members.isAlive('b', 'b-2')).toBe(true);
  });

  it('takes a node for dead after three seconds without heartbeat and without a datagram', () => {
    const members = new Membership('a', 'z');
    members.up(record('b'), 0);
    members.up(record('c'), 0);
    expect(members.expire(3000, silentOnMesh)).toEqual([]);
    // c is still heard on the mesh.
    expect(names(members.expire(3001, (node) => (node === 'c' ? 2500 : Number.NEGATIVE_INFINITY)))).toEqual([
      'b',
    ]);
    expect(members.expire(4500, (node) => (node === 'c' ? 2500 : Number.NEGATIVE_INFINITY))).toEqual([]);
    expect(names(members.expire(6000, (node) => (node === 'c' ? 2500 : Number.NEGATIVE_INFINITY)))).toEqual([
      'c',
    ]);
  });

  it('notices a node of another zone by its link as soon as one of its own', () => {
    const members = new Membership('a', 'z');
    members.up(record('b', 'far'), 0);
    expect(members.expire(3000, () => 0)).toEqual([]);
    expect(names(members.expire(3001, () => 0))).toEqual(['b']);
  });

  it('gives nodes of other zones the time of three summaries where there is no link', () => {
    const members = new Membership('a', 'z');
    members.up(record('b', 'far'), 0);
    expect(members.expire(6000, silentOnMesh)).toEqual([]);
    expect(names(members.expire(6001, silentOnMesh))).toEqual(['b']);
  });

  it('takes nobody for dead while it is cut off itself, nor right after', () => {
    const members = new Membership('a', 'z');
    members.up(record('b'), 0);
    members.cutOff(true, 1000);
    expect(members.expire(60_000, silentOnMesh)).toEqual([]);
    members.cutOff(false, 60_000);
    for (let nowMs = 60_500; nowMs < 65_000; nowMs += 500)
      expect(members.expire(nowMs, silentOnMesh)).toEqual([]);
    expect(names(members.expire(65_001, silentOnMesh))).toEqual(['b']);
  });

  it('takes nobody for dead when it has itself hung: what was said meanwhile is still to be read', () => {
    const members = new Membership('a', 'z');
    members.up(record('b'), 0);
    members.up(record('c'), 0);
    expect(members.expire(500, silentOnMesh)).toEqual([]);
    expect(members.expire(10_000, silentOnMesh)).toEqual([]);
    members.heard('b', 'b-1', 0, 10_001);
    for (let nowMs = 10_500; nowMs < 13_000; nowMs += 500)
      expect(members.expire(nowMs, silentOnMesh)).toEqual([]);
    expect(names(members.expire(13_000, silentOnMesh))).toEqual(['c']);
  });

  it('knows one node of a zone that speaks for it', () => {
    const [a, b] = [new Membership('a', 'z'), new Membership('b', 'z')];
    a.up(record('b'), 0);
    b.up(record('a'), 0);
    a.up(record('0', 'far'), 0);
    expect([a.speaksForZone, b.speaksForZone]).toEqual([true, false]);
    b.bye('a', 'a-1');
    expect(b.speaksForZone).toBe(true);
  });

  it('names the places where browsers can go, least loaded first, and none that is full', () => {
    const members = new Membership('a', 'z');
    for (const [node, load] of [
      ['b', 0.5],
      ['c', 0.1],
      ['d', 1],
    ] as const) {
      members.up(record(node), 0);
      members.heard(node, `${node}-1`, load, 10);
    }
    expect(members.places).toEqual([
      { url: 'http://c', load: 0.1 },
      { url: 'http://b', load: 0.5 },
    ]);
  });

  it('a goodbye of an earlier process is not one of the later', () => {
    const members = new Membership('a', 'z');
    members.up(record('b', 'z', 'b-2'), 0);
    expect(members.bye('b', 'b-1')).toBeUndefined();
    expect(members.bye('b', 'b-2')).toMatchObject({ node: 'b' });
  });
});
