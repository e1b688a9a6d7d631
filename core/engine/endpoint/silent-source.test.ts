import { trackId } from '@switchyard/shared/protocol';
import { describe, expect, test } from 'vitest';
import { VirtualYard } from '../../testing/virtual-yard.ts';

const ANN = 1;
const BOB = 2;
const TRACK = trackId(1);

/** Ann publishes one picture; Bob's local track 7 takes it. */
class Call {
  readonly yard: VirtualYard = new VirtualYard();
  #seq = 0;

  constructor() {
    this.yard.join(ANN, 'ann');
    this.yard.publish(ANN, 1);
    this.yard.join(BOB, 'bob');
  }

  watch(): void {
    this.yard.attach(BOB, 7, 'ann');
  }

  /** 20 frames a second: keyframes only, or none. */
  send(ms: number, keyframe: boolean): void {
    for (let left = ms; left > 0; left -= 50) {
      this.#seq += 1;
      this.yard.media(ANN, 1, {
        seq: this.#seq,
        timestamp: this.#seq * 4500,
        keyframe,
        frameStart: true,
        frameEnd: true,
        marker: true,
      });
      this.yard.advance(50);
    }
  }

  /** What Bob was told, in short. */
  get told(): string[] {
    return this.yard.told(BOB, 'local-track-status').map(({ status, reason }) => `${status} ${reason}`);
  }
}

describe('a source that sends nothing', () => {
  test.for<{ name: string; run: (call: Call) => void; told: string[] }>([
    {
      name: 'is silent to who waits, after two seconds',
      run: (call) => {
        call.watch();
        call.yard.advance(1900);
        expect(call.told).toEqual(['waiting waiting-for-keyframe']);
        call.yard.advance(400);
      },
      told: ['waiting waiting-for-keyframe', 'waiting source-silent'],
    },
    {
      name: 'is silent at once to who comes later, when it is published here',
      run: (call) => {
        call.send(500, true);
        call.yard.advance(3000);
        call.watch();
        call.yard.advance(200);
      },
      told: ['waiting source-silent'],
    },
    {
      name: 'is not silent while it sends anything, a keyframe or not',
      run: (call) => {
        call.watch();
        call.send(5000, false);
      },
      told: ['waiting waiting-for-keyframe'],
    },
    {
      name: 'is silent no longer when its first packet comes',
      run: (call) => {
        call.watch();
        call.yard.advance(3000);
        call.send(200, true);
      },
      told: ['waiting waiting-for-keyframe', 'waiting source-silent', 'active best'],
    },
    {
      name: 'has two seconds again when it is published anew',
      run: (call) => {
        call.send(500, true);
        call.yard.advance(3000);
        call.yard.control(ANN, { type: 'remote-track-stop', track: TRACK });
        call.yard.publish(ANN, 1);
        call.watch();
        call.yard.advance(1900);
      },
      told: ['waiting waiting-for-keyframe'],
    },
  ])('$name', ({ run, told }) => {
    const call = new Call();
    run(call);
    expect(call.told).toEqual(told);
  });
});
