import { trackId } from '@switchyard/shared/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualYard } from '../../testing/virtual-yard.ts';

let yard = new VirtualYard();
beforeEach(() => {
  yard = new VirtualYard();
  for (const [index, peer] of ['ann', 'bob', 'cat', 'dan'].entries()) {
    yard.join(index + 1, peer);
    yard.publishAudio(index + 1, 1);
  }
});

const [ANN, BOB, CAT, DAN] = [1, 2, 3, 4] as const;
const slots = (...ids: number[]) => ids.map((id) => trackId(id));
const heard = (endpoint: number): string[] =>
  yard.events.flatMap(({ endpoint: to, event }) => {
    if (to !== endpoint) return [];
    if (event.type === 'mixer-slot-set') return [`${event.track} ${event.source.peer}`];
    return event.type === 'mixer-slot-unset' ? [`${event.track} -`] : [];
  });

describe('the automatic mixer', () => {
  test('fills its slots with the loudest, names them, and leaves out who finds none', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10, 11) });
    yard.speak({ [ANN]: -20, [BOB]: -20 }, 200);
    yard.speak({ [ANN]: -20, [BOB]: -20, [CAT]: -21 }, 1000);
    expect(heard(DAN).toSorted()).toEqual(['10 ann', '11 bob']);
  });

  test('never plays oneself', () => {
    yard.ask(ANN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    yard.speak({ [ANN]: -10, [BOB]: -40 }, 1000);
    expect(heard(ANN)).toEqual(['10 bob']);
  });

  test('gives a slot to somebody much louder, to nobody a little louder', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    yard.speak({ [ANN]: -40 }, 600);
    yard.speak({ [ANN]: -40, [BOB]: -35 }, 2000);
    expect(heard(DAN)).toEqual(['10 ann']);
    yard.speak({ [ANN]: -40, [CAT]: -10 }, 500);
    expect(heard(DAN)).toEqual(['10 ann', '10 cat']);
  });

  test('goes by the level of now, also of who is in a slot', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    yard.speak({ [ANN]: -10 }, 600);
    // Ann goes on sending, quietly: a frozen level would keep her.
    yard.speak({ [ANN]: -70, [BOB]: -30 }, 3000);
    expect(heard(DAN)).toEqual(['10 ann', '10 bob']);
  });

  test('frees a slot after a second without packets, and at once when its source stops', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    yard.speak({ [ANN]: -20 }, 200);
    yard.advance(900);
    expect(heard(DAN)).toEqual(['10 ann']);
    yard.advance(200);
    expect(heard(DAN)).toEqual(['10 ann', '10 -']);
    yard.speak({ [BOB]: -20 }, 200);
    yard.ask(BOB, { type: 'remote-track-stop', track: trackId(1) });
    yard.advance(50);
    expect(heard(DAN).slice(2)).toEqual(['10 bob', '10 -']);
  });

  test('pauses and resumes', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    yard.speak({ [ANN]: -20 }, 200);
    expect(yard.ask(DAN, { type: 'mixer-config', paused: true })).toBeUndefined();
    yard.forget();
    yard.speak({ [ANN]: -20 }, 1000);
    expect(yard.forwarded).toEqual([]);
    expect(heard(DAN)).toEqual([]);
    yard.ask(DAN, { type: 'mixer-config', paused: false });
    yard.speak({ [ANN]: -20 }, 200);
    expect(heard(DAN)).toEqual(['10 ann']);
    expect(yard.forwarded.length).toBeGreaterThan(5);
  });
});

describe('the mixer by hand', () => {
  const source = (peer: string) => ({ peer, track: 'audio_main' });

  test('plays the loudest of the chosen, and of nobody else', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'manual', slots: slots(10), sources: [source('bob')] });
    yard.speak({ [ANN]: -10, [BOB]: -50 }, 500);
    expect(heard(DAN)).toEqual(['10 bob']);
    yard.ask(DAN, { type: 'mixer-config', sources: [source('ann')] });
    yard.speak({ [ANN]: -10, [BOB]: -50 }, 500);
    expect(heard(DAN)).toEqual(['10 bob', '10 -', '10 ann']);
    yard.ask(DAN, { type: 'mixer-config', sources: [] });
    yard.speak({ [ANN]: -10, [BOB]: -50 }, 500);
    expect(heard(DAN).slice(3)).toEqual(['10 -']);
  });

  test('a source may be chosen before it is there', () => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'manual', slots: slots(10), sources: [source('eve')] });
    yard.join(5, 'eve');
    yard.publishAudio(5, 1);
    yard.speak({ 5: -30 }, 300);
    expect(heard(DAN)).toEqual(['10 eve']);
  });

  test.for([
    [
      'sources of an automatic mixer',
      { type: 'mixer-attach', mode: 'auto', sources: true },
      'wrong-mixer-mode',
    ],
    ['sources for an automatic mixer', { type: 'mixer-config', sources: true }, 'wrong-mixer-mode'],
  ] as const)('%s are refused', ([, wrong, code]) => {
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    const sources = [source('ann')];
    expect(
      wrong.type === 'mixer-attach'
        ? yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10), sources })
        : yard.ask(DAN, { type: 'mixer-config', sources }),
    ).toBe(code);
  });

  test('without a mixer there is nothing to change; its slots are its own', () => {
    expect(yard.ask(DAN, { type: 'mixer-config', paused: true })).toBe('wrong-mixer-mode');
    yard.ask(DAN, { type: 'mixer-attach', mode: 'auto', slots: slots(10) });
    expect(yard.attach(DAN, 10, 'ann', {}, 'audio_main')).toBe('wrong-mixer-mode');
    yard.ask(DAN, { type: 'mixer-detach' });
    expect(yard.attach(DAN, 10, 'ann', {}, 'audio_main')).toBeUndefined();
  });
});

describe('the active speaker', () => {
  const told = (endpoint: number): (string | null)[] =>
    yard.told(endpoint, 'active-speaker').map(({ source }) => source?.peer ?? null);

  test('is told to everybody, the speaker too, and to who joins later', () => {
    yard.speak({ [ANN]: -20 }, 1000);
    expect([told(ANN), told(BOB)]).toEqual([['ann'], ['ann']]);
    yard.join(9, 'late');
    expect(told(9)).toEqual(['ann']);
    yard.join(8, 'blind', { subscribe: { peers: false, tracks: false } });
    expect(told(8)).toEqual([]);
    yard.ask(8, { type: 'subscribe-peer', peer: 'ann' });
    expect(told(8)).toEqual(['ann']);
    yard.ask(8, { type: 'unsubscribe-peer', peer: 'ann' });
    expect(told(8)).toEqual(['ann', null]);
  });

  test('a cough does not take it, nor does somebody as loud', () => {
    yard.speak({ [ANN]: -20 }, 2000);
    yard.speak({ [ANN]: -20, [BOB]: -5 }, 300);
    yard.speak({ [ANN]: -20, [BOB]: -19 }, 3000);
    expect(told(CAT)).toEqual(['ann']);
  });

  test('somebody clearly louder takes it, and who speaks into a pause', () => {
    yard.speak({ [ANN]: -30 }, 2000);
    yard.speak({ [ANN]: -30, [BOB]: -15 }, 1200);
    expect(told(CAT)).toEqual(['ann', 'bob']);
    yard.speak({ [CAT]: -35 }, 3000);
    expect(told(ANN)).toEqual(['ann', 'bob', 'cat']);
  });

  test('a pause for breath keeps it, long silence and leaving end it', () => {
    yard.speak({ [ANN]: -20 }, 1000);
    yard.advance(1000);
    yard.speak({ [ANN]: -20 }, 1000);
    expect(told(BOB)).toEqual(['ann']);
    yard.advance(11_000);
    expect(told(BOB)).toEqual(['ann', null]);
    yard.speak({ [ANN]: -20 }, 1000);
    yard.leave(ANN);
    yard.advance(50);
    expect(told(BOB)).toEqual(['ann', null, 'ann', null]);
  });

  test('two who talk over each other do not take turns every second', () => {
    for (let i = 0; i < 60; i += 1) {
      yard.speak({ [ANN]: -25, [BOB]: -28 }, 500);
      yard.speak({ [ANN]: -28, [BOB]: -25 }, 500);
    }
    expect(told(CAT).length).toBeLessThanOrEqual(2);
  });
});

test('a voice is told at −40 dBov or louder, at most twice a second', () => {
  yard.speak({ [ANN]: -39, [BOB]: -41 }, 5000);
  expect(yard.told(CAT, 'voice-activity').filter(({ peer }) => peer === 'ann').length).toBeGreaterThanOrEqual(
    9,
  );
  expect(yard.told(CAT, 'voice-activity').length).toBeLessThanOrEqual(10);
  expect(yard.told(ANN, 'voice-activity').filter(({ peer }) => peer === 'ann')).toEqual([]);
});
