import { beforeEach, describe, expect, test } from 'vitest';
import { limitEncodings } from './encoding-limit.ts';
import { Mixer } from './mixer.ts';

const bob = { peer: 'bob', track: 'audio_main' };

describe('Mixer', () => {
  let asked: unknown[] = [];
  let refusal: Error | undefined;
  let mixer = new Mixer({ request: () => Promise.resolve() });
  beforeEach(() => {
    asked = [];
    refusal = undefined;
    mixer = new Mixer({
      request: async (body) => {
        asked.push(body);
        if (refusal !== undefined) throw refusal;
      },
    });
  });

  test('starts automatic, which a new connection need not be told', () => {
    expect([mixer.mode, mixer.sources, mixer.paused]).toEqual(['auto', [], false]);
    expect(mixer.standing()).toEqual([]);
  });

  test('asks for each change, and for all of it on a new connection', async () => {
    await mixer.setManual([bob]);
    await mixer.pause();
    expect(asked).toEqual([
      { type: 'mixer-config', mode: 'manual', sources: [bob] },
      { type: 'mixer-config', paused: true },
    ]);
    expect(mixer.standing()).toEqual([
      { type: 'mixer-config', mode: 'manual', sources: [bob], paused: true },
    ]);
    await mixer.resume();
    await mixer.setAuto();
    expect([mixer.mode, mixer.sources, mixer.paused]).toEqual(['auto', [], false]);
    expect(mixer.standing()).toEqual([]);
  });

  test('what was refused is as it was before', async () => {
    refusal = new Error('no');
    await expect(mixer.setManual([bob])).rejects.toThrow('no');
    expect([mixer.mode, mixer.sources]).toEqual(['auto', []]);
  });

  test('a session that is over leaves nothing to the next', async () => {
    await mixer.setManual([bob]);
    mixer.reset();
    expect(mixer.standing()).toEqual([]);
  });
});

describe('limitEncodings', () => {
  const encodings = [150_000, 500_000, 1_500_000].map((maxBitrate) => ({ active: true, maxBitrate }));
  const active = (limitBps: number, wanted?: boolean[]): boolean[] =>
    limitEncodings(encodings, limitBps, [true, true, true], wanted).map((each) => each.active);
  const NO_LIMIT = Number.POSITIVE_INFINITY;

  test.for([
    {
      name: 'everything is on without a word',
      limitBps: NO_LIMIT,
      wanted: undefined,
      on: [true, true, true],
    },
    {
      name: 'what nobody watches is off',
      limitBps: NO_LIMIT,
      wanted: [true, false, false],
      on: [true, false, false],
    },
    { name: 'also in the middle', limitBps: NO_LIMIT, wanted: [true, false, true], on: [true, false, true] },
    { name: 'what is not listed is wanted', limitBps: NO_LIMIT, wanted: [true], on: [true, true, true] },
    {
      name: 'a limit counts beside it',
      limitBps: 300_000,
      wanted: [true, true, true],
      on: [true, false, false],
    },
  ])('$name', ({ limitBps, wanted, on }) => {
    expect(active(limitBps, wanted)).toEqual(on);
  });
});
