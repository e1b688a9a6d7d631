import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['@switchyard/source'] };
const ssr = { resolve: { conditions: ['@switchyard/source'] } };
/** A project of pure and in-process tests, which stand beside their sources. */
const unit = (name: string, root: string, extra: object = {}) => ({
  resolve,
  ssr,
  test: { name, root, include: ['**/*.test.ts'], exclude: ['**/node_modules/**', '**/dist/**'], ...extra },
});
/** A project of tests that start real processes: one file at a time, with a long deadline. */
const outside = (name: string) =>
  unit(name, `test/${name}`, { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false });

export default defineConfig({
  test: {
    projects: [
      unit('shared', 'shared'),
      unit('core', 'core'),
      unit('gateway-webrtc', 'gateways/webrtc'),
      unit('gateway-rtmp', 'gateways/rtmp'),
      unit('gateway-sip', 'gateways/sip'),
      unit('architecture', 'test', { include: ['architecture.test.ts', 'harness/**/*.test.ts'] }),
      unit('fuzz', 'test/fuzz', { testTimeout: 120_000 }),
      outside('integration'),
      outside('browser'),
    ],
  },
});
