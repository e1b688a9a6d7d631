import {
  type Receiver,
  type RoomPeer,
  Session,
  type SessionState,
  type SwitchyardError,
} from '@switchyard/sdk';
import { type Explanation, explainError } from './explain-error.ts';
import type { LocalMedia } from './local-media.ts';
import { Speaking } from './speaking.ts';
import {
  assignSlots,
  chooseSources,
  configOf,
  planTiles,
  type Quality,
  type StageTile,
  tileKey,
} from './stage-plan.ts';
import { Store } from './store.ts';

export interface Notice extends Explanation {
  readonly id: number;
}

export interface RoomState {
  readonly session: SessionState;
  readonly room: string;
  readonly name: string;
  readonly peers: ReadonlyMap<string, RoomPeer>;
  /** Everybody else, in the order of the stage. */
  readonly tiles: readonly StageTile[];
  /** Receiver of a tile that has one, by tile key. */
  readonly receivers: ReadonlyMap<string, Receiver>;
  /** Grows when anything of a receiver changed: what shows it draws again. */
  readonly revision: number;
  /** Grows with every reconnect: media elements start again. */
  readonly epoch: number;
  readonly speaking: ReadonlySet<string>;
  /** Peers heard in the mixer's slots now. */
  readonly heard: ReadonlySet<string>;
  readonly pinned: string | undefined;
  readonly quality: ReadonlyMap<string, Quality>;
  readonly reconnecting: { readonly attempt: number; readonly reason: string } | undefined;
  /** Why the last session could not begin, or ended. */
  readonly ended: Explanation | undefined;
  /** The browser holds the sound back until somebody clicks. */
  readonly audioBlocked: boolean;
  readonly notices: readonly Notice[];
}

const NOTICE_MS = 8000;
const NOTICES_MAX = 4;

/** One room as the page shows it: the session, who is on which receiver, who speaks, what went wrong. */
export class RoomModel extends Store<RoomState> {
  readonly session: Session;
  #media: LocalMedia | undefined;
  readonly #speaking: Speaking;
  #lastNotice = 0;
  #planned = false;

  constructor(session: Session = new Session()) {
    super({
      session: 'idle',
      room: '',
      name: '',
      peers: new Map(),
      tiles: [],
      receivers: new Map(),
      revision: 0,
      epoch: 0,
      speaking: new Set(),
      heard: new Set(),
      pinned: undefined,
      quality: new Map(),
      reconnecting: undefined,
      ended: undefined,
      audioBlocked: false,
      notices: [],
    });
    this.session = session;
    this.#speaking = new Speaking(() => {
      this.update({ speaking: this.#speaking.now });
      if (this.state.tiles.length > session.receivers.length) this.#plan();
    });
    this.#listen(session);
  }

  /** @param media What to bring along; publishes what is on now and what is switched on later. */
  async join(room: string, name: string, media: LocalMedia, token?: string): Promise<void> {
    this.#media = media;
    this.update({ room, name, ended: undefined, reconnecting: undefined });
    try {
      await this.session.join({ room, peer: name, ...(token === undefined ? {} : { token }) });
    } catch (error) {
      this.#reset(explainError(error));
      return;
    }
    try {
      await media.enter(this.session);
    } catch (error) {
      this.notify(explainError(error));
    }
  }

  leave(): void {
    this.session.leave();
    this.#reset(undefined);
  }

  pin(key: string | undefined): void {
    this.update({ pinned: this.state.pinned === key ? undefined : key });
    this.#plan();
  }

  setQuality(key: string, quality: Quality): void {
    this.update({ quality: new Map(this.state.quality).set(key, quality) });
    this.#plan();
  }

  setAudioBlocked(audioBlocked: boolean): void {
    if (audioBlocked !== this.state.audioBlocked) this.update({ audioBlocked });
  }

  notify(explanation: Explanation): void {
    this.#lastNotice += 1;
    const notice: Notice = { ...explanation, id: this.#lastNotice };
    this.update({ notices: [...this.state.notices, notice].slice(-NOTICES_MAX) });
    setTimeout(() => this.dismiss(notice.id), NOTICE_MS);
  }

  dismiss(id: number): void {
    this.update({ notices: this.state.notices.filter((notice) => notice.id !== id) });
  }

  #listen(session: Session): void {
    session.on('state', (state) => this.update({ session: state }));
    for (const event of ['peer-joined', 'peer-updated', 'peer-left'] as const)
      session.on(event, () => this.#planSoon());
    for (const event of ['track-started', 'track-updated', 'track-stopped'] as const)
      session.on(event, () => this.#planSoon());
    for (const event of ['receiver-source', 'receiver-status', 'receiver-layers'] as const)
      session.on(event, () => this.update({ revision: this.state.revision + 1 }));
    session.on('mixer-slot', () => {
      this.update({ heard: new Set(session.mixerSlots.flatMap(({ source }) => source?.peer ?? [])) });
    });
    session.on('voice-activity', ({ peer }) => this.#speaking.heard(peer));
    session.on('reconnecting', ({ attempt, error }) =>
      this.update({ reconnecting: { attempt, reason: explainError(error).title } }),
    );
    session.on('reconnected', () => this.update({ reconnecting: undefined, epoch: this.state.epoch + 1 }));
    session.on('closed', (error) => this.#reset(explainError(error)));
    session.on('error', (error) => this.notify(explainError(error)));
  }

  /** Once for all that happens in one turn: a join tells a whole room at once. */
  #planSoon(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#plan();
    });
  }

  #plan(): void {
    const { session } = this;
    const peers = session.peers;
    const tiles = planTiles(peers.values());
    const { quality } = this.state;
    const pinned = tiles.some(({ key }) => key === this.state.pinned) ? this.state.pinned : undefined;
    const slots = session.receivers.filter(({ kind }) => kind === 'video');
    const wanted = chooseSources(tiles, slots.length, pinned, this.#speaking.spokeAtMs);
    const spotlit = spotlightOf(tiles, pinned);
    const assigned = assignSlots(
      slots.map(({ source }) => source),
      wanted,
    );
    const receivers = new Map<string, Receiver>();
    for (const [index, slot] of slots.entries()) {
      const source = assigned[index];
      if (source === undefined) {
        void slot.detach().catch((error: SwitchyardError) => this.#onRefused(error));
        continue;
      }
      const key = tileKey(source.peer, source.track);
      receivers.set(key, slot);
      const config = configOf(quality.get(key) ?? 'auto', tiles.length, key === spotlit);
      const isSame = slot.source?.peer === source.peer && slot.source.track === source.track;
      if (!isSame) void slot.attach(source, config).catch((error: SwitchyardError) => this.#onRefused(error));
      else if (slot.config.maxSpatial !== config.maxSpatial || slot.config.priority !== config.priority)
        void slot.configure(config).catch((error: SwitchyardError) => this.#onRefused(error));
    }
    this.update({ peers, tiles, receivers, pinned });
  }

  /** A source that ended while it was being attached is no news. */
  #onRefused(error: SwitchyardError): void {
    const isOver =
      error.code === 'unknown-track' || error.code === 'unknown-peer' || error.code === 'not-in-room';
    if (!isOver) this.notify(explainError(error));
  }

  #reset(ended: Explanation | undefined): void {
    this.#media?.exit();
    this.#speaking.clear();
    this.update({
      ended,
      session: this.session.state,
      peers: new Map(),
      tiles: [],
      receivers: new Map(),
      speaking: new Set(),
      heard: new Set(),
      pinned: undefined,
      reconnecting: undefined,
      audioBlocked: false,
    });
  }
}

/** The tile shown large: the pinned one, or the first screen. */
export const spotlightOf = (tiles: readonly StageTile[], pinned: string | undefined): string | undefined =>
  pinned ?? tiles.find(({ track }) => track?.name.startsWith('screen') === true)?.key;
