import type { EventLoopDelay } from '@switchyard/shared/runtime';
import { expect, test } from 'vitest';
import { Admission } from './admission.ts';

/** An event loop that is as late as it is told. */
function loop(): { ms: number; delay: EventLoopDelay } {
  const state = { ms: 0 };
  const delay = { percentileMs: () => state.ms, reset: () => {}, close: () => {} };
  return Object.assign(state, { delay: delay as unknown as EventLoopDelay });
}

test('lets in until the limit of endpoints, and again when there is room', () => {
  const admission = new Admission({ maxEndpoints: 2, maxEventLoopDelayMs: 100 }, loop().delay);
  expect(admission.refusal(2)).toBeUndefined();
  expect(admission.refusal(3)).toEqual({ code: 'overloaded', detail: '2 clients are here' });
  expect(admission.refusal(1)).toBeUndefined();
  expect(admission.refusals).toBe(1);
});

test('refuses while the event loop is late, but not for one hiccup', () => {
  const late = loop();
  const admission = new Admission({ maxEndpoints: 10, maxEventLoopDelayMs: 100 }, late.delay);
  late.ms = 500;
  admission.judge();
  expect(admission.refusal(1)).toBeUndefined();
  admission.judge();
  expect(admission.refusal(1)).toMatchObject({ code: 'overloaded' });
  late.ms = 100;
  admission.judge();
  expect(admission.refusal(1)).toBeUndefined();
});

test('lets nobody in while it drains', () => {
  const admission = new Admission({ maxEndpoints: 10, maxEventLoopDelayMs: 100 }, loop().delay);
  admission.drain();
  expect(admission.refusal(1)).toEqual({ code: 'draining' });
  expect(admission.refusals).toBe(0);
});
