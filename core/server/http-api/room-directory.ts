import type { Endpoint, Engine, Room } from '@switchyard/core/engine';
import type { ProtocolError } from '@switchyard/shared/protocol';
import { ANY_ROOM } from '@switchyard/shared/runtime';
import {
  type CallView,
  describeCall,
  describeRoom,
  type RoomSummary,
  type RoomView,
  summarize,
} from './room-view.ts';

/** What one node asks the others of their rooms. `room` may be {@link ANY_ROOM} in lists. */
type RoomQuestion =
  | { readonly about: 'rooms' | 'calls'; readonly app: string; readonly room: string }
  | { readonly about: 'room'; readonly app: string; readonly room: string }
  | {
      readonly about: 'end';
      readonly app: string;
      readonly room: string;
      /** Everybody when absent. */
      readonly peer?: string;
      readonly code: 'kicked' | 'room-closed';
    };

export interface RoomDirectoryOptions {
  readonly engine: Engine;
  readonly node: string;
  end(endpoints: Iterable<Endpoint>, error: ProtocolError): void;
  /** Asks every other node. @returns What came in time; none for a node alone. */
  ask(question: object): Promise<readonly unknown[]>;
}

/** The rooms of all nodes: a room's people need not be on one of them. */
export class RoomDirectory {
  readonly #options: RoomDirectoryOptions;

  constructor(options: RoomDirectoryOptions) {
    this.#options = options;
  }

  async rooms(app: string, room: string): Promise<RoomSummary[]> {
    const found = new Map<string, RoomSummary>();
    for (const summary of await this.#lists<RoomSummary>({ about: 'rooms', app, room })) {
      const known = found.get(summary.room);
      // Every node knows all peers and tracks of a room, and its own viewers.
      found.set(
        summary.room,
        known === undefined
          ? summary
          : {
              ...known,
              createdAt: known.createdAt < summary.createdAt ? known.createdAt : summary.createdAt,
              peers: Math.max(known.peers, summary.peers),
              tracks: Math.max(known.tracks, summary.tracks),
              viewers: known.viewers + summary.viewers,
            },
      );
    }
    return [...found.values()].sort((a, b) => (a.room < b.room ? -1 : 1));
  }

  /** @returns undefined when nobody is in it on any node. */
  async room(app: string, room: string): Promise<RoomView | undefined> {
    const views = await this.#lists<RoomView>({ about: 'room', app, room });
    const [first] = views;
    if (first === undefined) return undefined;
    const createdAt = views.map((view) => view.createdAt).sort()[0] ?? first.createdAt;
    const viewers = views.reduce((sum, view) => sum + view.viewers, 0);
    return { ...first, createdAt, viewers, peers: views.flatMap(({ peers }) => peers) };
  }

  calls(app: string, room: string): Promise<CallView[]> {
    return this.#lists<CallView>({ about: 'calls', app, room });
  }

  /** @returns How many sessions were ended, on all nodes. */
  async end(app: string, room: string, code: 'kicked' | 'room-closed', peer?: string): Promise<number> {
    const question = { about: 'end', app, room, code, ...(peer === undefined ? {} : { peer }) } as const;
    const counts = await this.#lists<number>(question);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Answers another node. @returns undefined for what is no question. */
  answer(question: unknown): readonly unknown[] | undefined {
    if (typeof question !== 'object' || question === null) return undefined;
    const { about, app, room, peer, code } = question as Readonly<Record<string, unknown>>;
    if (typeof app !== 'string' || typeof room !== 'string') return undefined;
    if (about === 'rooms' || about === 'calls' || about === 'room') return this.#here({ about, app, room });
    if (about !== 'end' || (code !== 'kicked' && code !== 'room-closed')) return undefined;
    return this.#here({ about, app, room, code, ...(typeof peer === 'string' ? { peer } : {}) });
  }

  async #lists<Item>(question: RoomQuestion): Promise<Item[]> {
    const here = this.#here(question);
    const answers = await this.#options.ask(question);
    return [here, ...answers].flatMap((items) => (Array.isArray(items) ? (items as Item[]) : []));
  }

  #here(question: RoomQuestion): readonly unknown[] {
    const { engine, node, end } = this.#options;
    const { app, room } = question;
    const rooms = (): Room[] =>
      [...engine.rooms].filter((each) => each.app === app && (room === ANY_ROOM || each.name === room));
    switch (question.about) {
      case 'rooms':
        return rooms().map(summarize);
      case 'room':
        return rooms().map((each) => describeRoom(each, node));
      case 'calls':
        return rooms().flatMap((each) =>
          [...each.endpoints]
            .filter(({ client }) => client === 'sip')
            .map((call) => describeCall(each, call)),
        );
      case 'end': {
        const { peer, code } = question;
        const sessions = rooms().flatMap(({ endpoints }) =>
          [...endpoints].filter((each) => peer === undefined || each.peer === peer),
        );
        end(sessions, { code });
        return [sessions.length];
      }
    }
  }
}
