import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['@switchyard/source'] };
const ssr = { resolve: { conditions: ['@switchyard/source'] } };
/** Above what any test needs on a machine that does something else as well. */
const UNIT_TIMEOUT_MS = 30_000;
/** A project of pure and in-process tests, which stand beside their sources. */
const unit = (name: string, root: string, extra: object = {}) => ({
  resolve,
  ssr,
  test: {
    name,
    root,
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: UNIT_TIMEOUT_MS,
    ...extra,
  },
});
/** A project of tests that start real processes: one file at a time, with a long deadline. */
const outside = (name: string) =>
  unit(name, 'test', {
    include: [`${name}/**/*.test.ts`],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  });

// vitest 5 prints failures with Map.groupBy, which Node 20 does not have.
if (!('groupBy' in Map))
  Object.assign(Map, {
    groupBy: <Key, Item>(
      items: Iterable<Item>,
      keyOf: (item: Item, index: number) => Key,
    ): Map<Key, Item[]> => {
      const groups = new Map<Key, Item[]>();
      let index = 0;
      for (const item of items) {
        const key = keyOf(item, index++);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [item]);
        else group.push(item);
      }
      return groups;
    },
  });

export default defineConfig({
  test: {
    projects: [
      unit('shared', 'shared'),
      unit('core', 'core'),
      unit('gateway-webrtc', 'gateways/webrtc'),
      unit('gateway-rtmp', 'gateways/rtmp'),
      unit('gateway-sip', 'gateways/sip'),
      unit('architecture', 'test', {
        include: [
          'architecture.test.ts',
          'harness/**/*.test.ts',
          'contract/**/*.test.ts',
          'traces/**/*.test.ts',
        ],
      }),
      unit('fuzz', 'test', { include: ['fuzz/**/*.test.ts'], testTimeout: 120_000 }),
      outside('integration'),
      outside('browser'),
    ],
  },
});
