import { describe, expect, test } from 'vitest';
import { WhepFollower } from './whep-follower.ts';

const STEP_MS = 100;
/** As in the core: who sent nothing for so long is silent. */
const SILENT_AFTER_MS = 2000;

/** A room on a virtual clock: who sends a picture when, and what a core tells a viewer of the one that it takes. */
class Room {
  readonly follower: WhepFollower = new WhepFollower(() => true);
  /** `ms peer` of every switch. */
  readonly watched: string[] = [];
  nowMs = 0;
  readonly #sends = new Map<string, boolean>();
  readonly #lastPacketMs = new Map<string, number>();
  readonly #isElsewhere: boolean;
  #attachedMs = 0;
  #isToldSilent = false;

  /** @param isElsewhere The publishers are on another node: they are heard only while one takes them. */
  constructor(isElsewhere: boolean = false) {
    this.#isElsewhere = isElsewhere;
  }

  /** A peer publishes a picture, which flows or does not. */
  joins(peer: string, flows: boolean): void {
    this.#sends.set(peer, flows);
    const info = { name: 'video_main', kind: 'video', codec: 'vp8', layers: [] } as const;
    this.follower.onTrackStarted(peer, info, this.nowMs);
    this.#look();
  }

  leaves(peer: string): void {
    this.follower.onPeerLeft(peer, this.nowMs);
    this.#look();
  }

  flows(peer: string, flows: boolean): void {
    this.#sends.set(peer, flows);
  }

  speaks(peer: string | undefined): void {
    this.follower.onActiveSpeaker(peer, this.nowMs);
    this.#look();
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
      this.nowMs += STEP_MS;
      const watched = this.follower.video?.peer;
      for (const [peer, sends] of this.#sends)
        if (sends && (!this.#isElsewhere || peer === watched)) this.#lastPacketMs.set(peer, this.nowMs);
      if (watched !== undefined) this.#tell(watched);
      if (this.nowMs >= this.follower.deadlineMs) this.follower.tick(this.nowMs);
      // A deadline that stays in the past would make a timer run without end.
      expect(this.follower.deadlineMs).toBeGreaterThan(this.nowMs);
      this.#look();
    }
  }

  /** News only: a source that is as silent as the one before is not told of. */
  #tell(watched: string): void {
    const lastMs = this.#lastPacketMs.get(watched) ?? this.#attachedMs;
    const sinceMs = this.#isElsewhere ? Math.max(lastMs, this.#attachedMs) : lastMs;
    const isSilent = this.nowMs - sinceMs > SILENT_AFTER_MS;
    if (isSilent === this.#isToldSilent) return;
    this.#isToldSilent = isSilent;
    this.follower.onSilence(isSilent, this.nowMs);
  }

  #look(): void {
    const peer = this.follower.video?.peer;
    if (this.watched.at(-1)?.split(' ')[1] === peer) return;
    this.#attachedMs = this.nowMs;
    this.watched.push(`${this.nowMs} ${peer}`);
  }
}

interface Story {
  readonly name: string;
  readonly run: (room: Room) => void;
  readonly watched: readonly string[];
  readonly isElsewhere?: boolean;
}

describe('a WHEP viewer of whoever is there', () => {
  test.for<Story>([
    {
      name: 'leaves a publisher that vanished for one whose picture flows, before the room knows',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.run(5000);
        room.flows('bob', false);
        room.run(10_000);
        room.leaves('bob');
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '7100 ann'],
    },
    {
      name: 'does not stay with the newest when that has been silent since before it came',
      run: (room) => {
        room.flows('bob', true);
        room.run(1000);
        room.flows('bob', false);
        room.run(3000);
        room.joins('ann', true);
        room.joins('bob', false);
        room.run(60_000);
      },
      watched: ['4000 ann', '4000 bob', '4500 ann'],
    },
    {
      name: 'passes over several that vanished',
      run: (room) => {
        for (const peer of ['ann', 'bob', 'cem', 'dan']) room.joins(peer, true);
        room.run(3000);
        for (const peer of ['bob', 'cem', 'dan']) room.flows(peer, false);
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '0 cem', '0 dan', '5100 cem', '5600 bob', '6100 ann'],
    },
    {
      name: 'finds out of each in two seconds when they are on another node',
      isElsewhere: true,
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', false);
        room.joins('cem', false);
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '0 cem', '2100 bob', '4200 ann'],
    },
    {
      name: 'stays with the only publisher, however long it sends nothing',
      run: (room) => {
        room.joins('ann', true);
        room.run(3000);
        room.flows('ann', false);
        room.run(600_000);
      },
      watched: ['0 ann'],
    },
    {
      name: 'takes who comes while it watches a speaker whose camera is off',
      run: (room) => {
        room.joins('ann', true);
        room.speaks('ann');
        room.run(3000);
        room.flows('ann', false);
        room.run(3000);
        room.joins('bob', true);
        room.run(1000);
      },
      watched: ['0 ann', '6000 bob'],
    },
    {
      name: 'does not return by itself to a newer picture that flows again while nobody speaks',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.run(3000);
        room.flows('bob', false);
        room.run(3000);
        room.flows('bob', true);
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '5100 ann'],
    },
    {
      name: 'returns to the speaker whose picture stood still for a moment',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.speaks('ann');
        room.run(3000);
        room.flows('ann', false);
        room.run(3000);
        room.flows('ann', true);
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '0 ann', '5100 bob', '10100 ann'],
    },
    {
      name: 'tries a speaker with the camera off ever less often, and for a moment',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.speaks('ann');
        room.run(3000);
        room.flows('ann', false);
        room.run(100_000);
      },
      watched: [
        ...['0 ann', '0 bob', '0 ann', '5100 bob', '10100 ann', '10600 bob', '20600 ann', '21100 bob'],
        ...['41100 ann', '41600 bob', '81600 ann', '82100 bob'],
      ],
    },
    {
      name: 'goes to a new speaker, but not each time to one whose camera is off',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.run(3000);
        room.flows('bob', false);
        room.run(3000);
        for (let turn = 0; turn < 10; turn += 1) {
          room.speaks('bob');
          room.run(2000);
          room.speaks('ann');
          room.run(2000);
        }
      },
      watched: [
        ...['0 ann', '0 bob', '5100 ann', '10100 bob', '10600 ann', '22000 bob', '22500 ann'],
        ...['42500 bob', '43000 ann'],
      ],
    },
    {
      name: 'finds the first picture that flows again when all had stopped',
      run: (room) => {
        room.joins('ann', true);
        room.joins('bob', true);
        room.run(3000);
        room.flows('ann', false);
        room.flows('bob', false);
        room.run(4000);
        room.flows('ann', true);
        room.run(60_000);
      },
      watched: ['0 ann', '0 bob', '5100 ann', '5600 bob', '10600 ann'],
    },
    {
      name: 'is back with the better one when the other has no picture either',
      run: (room) => {
        room.joins('ann', true);
        room.run(1000);
        room.flows('ann', false);
        room.joins('bob', true);
        room.run(9000);
        room.flows('bob', false);
        room.run(4000);
        room.flows('bob', true);
        room.run(60_000);
      },
      watched: ['0 ann', '1000 bob', '12100 ann', '12600 bob'],
    },
  ])('$name', ({ run, watched, isElsewhere }) => {
    const room = new Room(isElsewhere);
    run(room);
    expect(room.watched).toEqual(watched);
  });

  test('does not flap between two publishers that come and go', () => {
    for (const periodMs of [2500, 3000, 5000, 8000]) {
      const room = new Room();
      room.joins('ann', true);
      room.joins('bob', true);
      room.speaks('bob');
      for (let turn = 0; turn < 600_000 / periodMs; turn += 1) {
        room.flows('ann', turn % 3 === 0);
        room.flows('bob', turn % 2 === 0);
        room.run(periodMs);
      }
      // In ten minutes, half of which nothing flows.
      expect(room.watched.length).toBeLessThan(30);
    }
  });
});
