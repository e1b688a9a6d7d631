import {
  type EndpointControl,
  type LocalTrackConfig,
  MIXER_SOURCES_MAX,
  type ProtocolError,
  TRACKS_MAX,
  type TrackId,
  type TrackSource,
} from '@switchyard/shared/protocol';
import { MixerSlots } from '../room/audio-mixer.ts';
import { type Room, trackKey } from '../room/room.ts';
import { checkSource, fail } from './control-check.ts';
import type { Endpoint } from './endpoint.ts';
import type { Receptions } from './receptions.ts';

const SLOT_CONFIG: LocalTrackConfig = { priority: 1000, maxSpatial: 0, maxTemporal: 0 };

type ControlOf<Type extends EndpointControl['type']> = Extract<EndpointControl, { type: Type }>;

/** The audio mixer of one listener: which of its local tracks play whom. */
export class EndpointMixer {
  readonly #owner: Endpoint;
  readonly #receptions: Receptions;
  readonly #mode: 'auto' | 'manual';
  readonly #slots: readonly TrackId[];
  readonly #chosen = new Set<string>();
  #chooser: MixerSlots;
  #paused: boolean;

  constructor(
    owner: Endpoint,
    receptions: Receptions,
    { mode, slots, sources, paused }: ControlOf<'mixer-attach'>,
  ) {
    this.#owner = owner;
    this.#receptions = receptions;
    this.#mode = mode;
    this.#slots = slots;
    this.#paused = paused ?? false;
    this.#chooser = new MixerSlots(slots.length);
    this.#choose(sources ?? []);
  }

  /** Whether the mixer owns this local track. */
  has(track: TrackId): boolean {
    return this.#slots.includes(track);
  }

  /** Makes the local tracks of the slots. */
  open(nowMs: number): ProtocolError | undefined {
    for (const id of this.#slots)
      if (!this.#receptions.reserve(id, SLOT_CONFIG, nowMs))
        return fail('limit-exceeded', `${TRACKS_MAX} tracks`);
    return undefined;
  }

  configure(control: ControlOf<'mixer-config'>, nowMs: number): ProtocolError | undefined {
    const { sources, paused } = control;
    if (sources !== undefined) {
      if (this.#mode === 'auto') return fail('wrong-mixer-mode', 'sources of an automatic mixer');
      const wrong = checkSources(sources);
      if (wrong !== undefined) return wrong;
      this.#choose(sources);
    }
    if (paused !== undefined && paused !== this.#paused) {
      this.#paused = paused;
      if (paused) this.#silence(nowMs);
    }
    return undefined;
  }

  update(room: Room, nowMs: number): void {
    if (this.#paused) return;
    this.#chooser.update(room.voices.speaking, this.#mayHear, nowMs, (index, source) => {
      const track = this.#slots[index];
      const local = track === undefined ? undefined : this.#receptions.tracks.get(track);
      if (local === undefined) return;
      if (source === undefined) {
        this.#receptions.disconnect(local, nowMs);
        this.#owner.tell({ type: 'mixer-slot-unset', track: local.id });
        return;
      }
      this.#receptions.connect(room, local, source, nowMs);
      this.#owner.tell({ type: 'mixer-slot-set', track: local.id, source });
    });
  }

  /** Gives the local tracks back. */
  close(nowMs: number): void {
    this.#silence(nowMs);
    for (const id of this.#slots) this.#receptions.unreserve(id);
  }

  readonly #mayHear = (source: TrackSource): boolean =>
    !(this.#owner.isPublisher && source.peer === this.#owner.peer) &&
    (this.#mode === 'auto' || this.#chosen.has(trackKey(source.peer, source.track)));

  #choose(sources: readonly TrackSource[]): void {
    this.#chosen.clear();
    for (const { peer, track } of sources) this.#chosen.add(trackKey(peer, track));
  }

  #silence(nowMs: number): void {
    this.#chooser = new MixerSlots(this.#slots.length);
    for (const id of this.#slots) {
      const local = this.#receptions.tracks.get(id);
      if (local?.fan === undefined) continue;
      this.#receptions.disconnect(local, nowMs);
      this.#owner.tell({ type: 'mixer-slot-unset', track: id });
    }
  }
}

/** What is wrong with a mixer before it is made. */
export function checkMixer({
  mode,
  slots,
  sources = [],
}: ControlOf<'mixer-attach'>): ProtocolError | undefined {
  if (new Set(slots).size !== slots.length) return fail('invalid-request', 'slots: one twice');
  if (mode === 'auto' && sources.length > 0) return fail('wrong-mixer-mode', 'sources of an automatic mixer');
  return checkSources(sources);
}

function checkSources(sources: readonly TrackSource[]): ProtocolError | undefined {
  if (sources.length > MIXER_SOURCES_MAX) return fail('limit-exceeded', `${MIXER_SOURCES_MAX} sources`);
  for (const source of sources) {
    const wrong = checkSource(source);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
