import { describe, expect, it } from 'vitest';
import { MeshSimulation } from './testing/mesh-simulation.ts';
import { seededRandom } from './testing/synthetic-internet.ts';

const missing = (received: readonly number[]): number => {
  const sorted = [...new Set(received)].toSorted((a, b) => a - b);
  return (sorted.at(-1) ?? 0) - (sorted[0] ?? 0) + 1 - sorted.length;
};

describe('MeshStreams', () => {
  it('brings a stream over a relay once, whoever watches beyond it', () => {
    const mesh = new MeshSimulation(['p', 'r', 'x', 'y', 'z'], {
      seed: 1,
      delayMs: () => 20,
      controlLoss: 0,
      candidates: (node) => (node === 'r' ? ['p'] : ['r']),
    });
    mesh.publish('p', 's');
    for (const node of ['x', 'y', 'z']) mesh.streamsOf(node).setLocal('s', 'p', 1, false, 0);
    mesh.run(500, 'p');
    mesh.copies.clear();
    mesh.run(1000, 'p');
    expect(Object.fromEntries(mesh.copies)).toEqual({ 'p r': 100, 'r x': 100, 'r y': 100, 'r z': 100 });
    for (const node of ['x', 'y', 'z']) mesh.streamsOf(node).setLocal('s', 'p', 0, false, mesh.nowMs);
    mesh.run(200, 'p');
    mesh.copies.clear();
    mesh.run(200, 'p');
    expect(mesh.copies.size).toBe(0);
    expect(mesh.streamsOf('r').size).toBe(0);
  });

  it('carries only the layers that somebody beyond the link watches', () => {
    const layersSeen = new Map<string, Set<number>>();
    const mesh = new MeshSimulation(['p', 'r', 'x', 'y'], {
      seed: 1,
      delayMs: () => 10,
      controlLoss: 0,
      candidates: (node) => (node === 'r' ? ['p'] : ['r']),
    });
    mesh.publish('p', 's');
    mesh.streamsOf('x').setLocal('s', 'p', 0b001, false, 0);
    mesh.streamsOf('y').setLocal('s', 'p', 0b010, false, 0);
    mesh.run(200);
    for (let seq = 0; seq < 30; seq += 1)
      mesh
        .streamsOf('p')
        .stream('s')
        ?.publish(
          {
            streamSeq: seq,
            epoch: 1,
            spatial: seq % 3,
            keyframe: false,
            svc: false,
            sealed: new Uint8Array(1),
          },
          mesh.nowMs,
        );
    mesh.run(200);
    for (const node of ['x', 'y'])
      layersSeen.set(node, new Set(mesh.nodes.get(node)?.received.map((seq) => seq % 3)));
    expect(layersSeen.get('x')).toEqual(new Set([0]));
    expect(layersSeen.get('y')).toEqual(new Set([1]));
    // 20 of 30 packets are wanted beyond p, 10 by each of the others.
    expect(Object.fromEntries(mesh.copies)).toEqual({ 'p r': 20, 'r x': 10, 'r y': 10 });
  });

  it('loses nothing when a better way appears, and leaves the old one', () => {
    let better = false;
    const mesh = new MeshSimulation(['p', 'a', 'b', 'x'], {
      seed: 1,
      delayMs: (from, to) => (from === 'a' || to === 'a' ? 80 : 10),
      controlLoss: 0,
      candidates: (node) => (node === 'x' ? (better ? ['b', 'a'] : ['a', 'b']) : ['p']),
    });
    mesh.publish('p', 's');
    mesh.streamsOf('x').setLocal('s', 'p', 1, false, 0);
    mesh.run(1000, 'p');
    expect(mesh.pathOf('x', 's', 'p')).toEqual(['x', 'a', 'p']);
    better = true;
    mesh.streamsOf('x').reroute(mesh.nowMs);
    mesh.run(1500, 'p');
    expect(mesh.pathOf('x', 's', 'p')).toEqual(['x', 'b', 'p']);
    expect(missing(mesh.nodes.get('x')?.received ?? [])).toBe(0);
    expect(mesh.streamsOf('a').size).toBe(0);
  });

  it('goes on after a relay died, without a packet missing: outage under half a second', () => {
    const mesh = new MeshSimulation(['p', 'a', 'b', 'x'], {
      seed: 1,
      delayMs: () => 25,
      controlLoss: 0,
      candidates: (node) => (node === 'x' ? ['a', 'b'] : ['p']),
    });
    mesh.publish('p', 's');
    mesh.streamsOf('x').setLocal('s', 'p', 1, false, 0);
    mesh.run(1000, 'p');
    mesh.kill('a');
    mesh.run(400, 'p');
    const before = mesh.nodes.get('x')?.received.length ?? 0;
    mesh.run(200, 'p');
    expect((mesh.nodes.get('x')?.received.length ?? 0) - before).toBeGreaterThan(10);
    mesh.run(1000, 'p');
    expect(mesh.pathOf('x', 's', 'p')).toEqual(['x', 'b', 'p']);
    expect(missing(mesh.nodes.get('x')?.received ?? [])).toBe(0);
  });

  it('refuses a loop at once and finds the other way', () => {
    // Both would take it from each other first.
    const mesh = new MeshSimulation(['p', 'a', 'b'], {
      seed: 1,
      delayMs: () => 10,
      controlLoss: 0,
      candidates: (node) => (node === 'a' ? ['b', 'p'] : ['a', 'p']),
    });
    mesh.publish('p', 's');
    for (const node of ['a', 'b']) mesh.streamsOf(node).setLocal('s', 'p', 1, false, 0);
    mesh.run(1000, 'p');
    for (const node of ['a', 'b']) expect(mesh.pathOf(node, 's', 'p').at(-1)).toBe('p');
  });

  it('tells who asks for what there is not', () => {
    const mesh = new MeshSimulation(['p', 'x'], {
      seed: 1,
      delayMs: () => 10,
      controlLoss: 0,
      candidates: () => ['p'],
    });
    mesh.streamsOf('x').setLocal('s', 'p', 1, false, 0);
    mesh.run(3000);
    expect(mesh.streamsOf('x').stream('s')?.upstream).toBeUndefined();
    expect(mesh.streamsOf('p').size).toBe(0);
    // It is asked again from time to time: the publisher may be about to begin.
    mesh.publish('p', 's');
    mesh.run(4000, 'p');
    expect(mesh.nodes.get('x')?.received.length).toBeGreaterThan(10);
  });

  it('200 seeds: 15 nodes with random ways, lost messages and dying relays end without loops, all receiving', {
    timeout: 60_000,
  }, () => {
    const names = Array.from({ length: 15 }, (_, i) => `n${i}`);
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const delays = new Map<string, number>();
      const delayMs = (a: string, b: string): number => {
        const key = a < b ? `${a} ${b}` : `${b} ${a}`;
        const known = delays.get(key) ?? 5 + Math.floor(random() * 60);
        delays.set(key, known);
        return known;
      };
      let epoch = 0;
      const orders = new Map<string, readonly string[]>();
      const dead = new Set<string>();
      const mesh = new MeshSimulation(names, {
        seed,
        delayMs,
        controlLoss: 0.05,
        candidates: (node) => {
          // Everybody has its own mind: as bad as routes can be.
          const key = `${node} ${epoch}`;
          const order =
            orders.get(key) ??
            names
              .filter((each) => each !== node)
              .map((each) => ({ each, weight: random() }))
              .toSorted((a, b) => a.weight - b.weight)
              .map(({ each }) => each);
          orders.set(key, order);
          const alive = order.filter((each) => !dead.has(each));
          return [...alive.slice(0, 3), 'n0'].filter(
            (each, i, all) => each !== node && all.indexOf(each) === i,
          );
        },
      });
      mesh.publish('n0', 's');
      for (const node of names.slice(1)) mesh.streamsOf(node).setLocal('s', 'n0', 1, false, 0);
      mesh.run(1500, 'n0');
      epoch = 1;
      mesh.run(1500, 'n0');
      for (const victim of ['n3', 'n7']) {
        mesh.kill(victim);
        dead.add(victim);
      }
      mesh.run(6000, 'n0');
      const alive = names.slice(1).filter((node) => !dead.has(node));
      const counts = new Map(alive.map((node) => [node, mesh.nodes.get(node)?.received.length ?? 0]));
      mesh.run(1000, 'n0');
      for (const node of alive) {
        const more = (mesh.nodes.get(node)?.received.length ?? 0) - (counts.get(node) ?? 0);
        expect(more, `seed ${seed}: ${node} receives`).toBeGreaterThan(80);
      }
    }
  });
});

describe('a key of a stream', () => {
  it('is known to everybody beyond every relay within a round trip of each hop', () => {
    const keys = new Map<string, number>();
    const mesh = new MeshSimulation(['p', 'q', 'r', 'x'], {
      seed: 1,
      delayMs: () => 20,
      controlLoss: 0,
      candidates: (node) => ({ q: ['p'], r: ['q'], x: ['r'] })[node] ?? [],
      onKey: (node, { epoch }) => keys.set(node, epoch),
    });
    mesh.publish('p', 's');
    mesh.streamsOf('x').setLocal('s', 'p', 1, false, 0);
    mesh.run(500, 'p');
    expect(keys.get('x')).toBe(1);
    mesh.streamsOf('p').stream('s')?.setKey({ epoch: 2, secret: 'bmV3' });
    mesh.run(100, 'p');
    expect(keys).toEqual(
      new Map([
        ['q', 2],
        ['r', 2],
        ['x', 2],
      ]),
    );
  });
});
