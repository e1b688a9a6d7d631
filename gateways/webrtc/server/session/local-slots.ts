import type { MediaKind } from '@switchyard/shared/media';
import {
  DEFAULT_LOCAL_TRACK_CONFIG,
  type EndpointControl,
  type LocalTrackConfig,
  type MixerMode,
  type ProtocolError,
  type TrackId,
  type TrackSource,
  trackId,
} from '@switchyard/shared/protocol';
import type { LinkEndpoint } from '@switchyard/shared/runtime';

export type SlotUse = 'mixer' | 'manual';

export interface SlotDeclaration {
  readonly mid: string;
  readonly kind: MediaKind;
  readonly use: SlotUse;
  /** The m-line negotiated the dependency descriptor. */
  readonly descriptors: boolean;
}

/** What the mixer slots play. */
export interface MixerWish {
  readonly mode?: MixerMode;
  readonly sources?: readonly TrackSource[];
  readonly paused?: boolean;
}

interface Slot extends Omit<SlotDeclaration, 'descriptors'> {
  readonly track: TrackId;
  /** Source of a manual slot, while attached. */
  source: TrackSource | undefined;
  config: LocalTrackConfig;
  descriptors: boolean;
}

/**
 * A client's receive slots: one m-line, one local track, one pair of SSRCs each, for life. Manual slots are attached to
 * sources, mixer slots are given to the room's mixer together.
 */
export class LocalSlots {
  readonly #endpoint: LinkEndpoint;
  readonly #byMid = new Map<string, Slot>();
  readonly #byTrack = new Map<number, Slot>();
  #mixer: Required<MixerWish> = { mode: 'auto', sources: [], paused: false };
  /** Slots that the core's mixer has, as text. */
  #mixed = '';
  #nextTrack = 1;

  constructor(endpoint: LinkEndpoint) {
    this.#endpoint = endpoint;
  }

  /** The slots that exist now, all of them. @returns The new ones, for the transport to bind. */
  declare(
    declarations: readonly SlotDeclaration[],
  ): readonly { readonly mid: string; readonly track: TrackId }[] {
    const wanted = new Map(declarations.map((each) => [each.mid, each]));
    for (const [mid, slot] of this.#byMid) {
      const same = wanted.get(mid);
      if (same?.use === slot.use && same.kind === slot.kind) {
        this.#describe(slot, same.descriptors);
        continue;
      }
      if (slot.source !== undefined)
        this.#endpoint.control({ type: 'local-track-detach', track: slot.track });
      this.#byMid.delete(mid);
      this.#byTrack.delete(slot.track);
    }
    const added: { mid: string; track: TrackId }[] = [];
    for (const declaration of declarations) {
      if (this.#byMid.has(declaration.mid)) continue;
      const track = trackId(this.#nextTrack);
      this.#nextTrack = (this.#nextTrack % 0xffff) + 1;
      const slot: Slot = { ...declaration, track, source: undefined, config: DEFAULT_LOCAL_TRACK_CONFIG };
      this.#byMid.set(slot.mid, slot);
      this.#byTrack.set(track, slot);
      added.push({ mid: slot.mid, track });
    }
    this.#attachMixer();
    return added;
  }

  /** A later negotiation may have found or lost the descriptor. */
  #describe(slot: Slot, descriptors: boolean): void {
    if (slot.descriptors === descriptors) return;
    slot.descriptors = descriptors;
    const { track, kind, source, config } = slot;
    if (source !== undefined)
      this.#endpoint.control({ type: 'local-track-attach', track, kind, source, config, descriptors });
  }

  /** Attaches a manual slot to a source, or switches it. @returns The core's answer. */
  async attach(
    mid: string,
    source: TrackSource,
    config: LocalTrackConfig | undefined,
  ): Promise<ProtocolError | undefined> {
    const slot = this.#manual(mid);
    if (slot === undefined) return notManual(mid);
    slot.config = config ?? slot.config;
    slot.source = source;
    const error = await this.#endpoint.request({
      type: 'local-track-attach',
      track: slot.track,
      kind: slot.kind,
      source,
      config: slot.config,
      descriptors: slot.descriptors,
    });
    if (error !== undefined && slot.source === source) slot.source = undefined;
    return error;
  }

  async detach(mid: string): Promise<ProtocolError | undefined> {
    const slot = this.#manual(mid);
    if (slot === undefined) return notManual(mid);
    if (slot.source === undefined) return undefined;
    slot.source = undefined;
    return this.#endpoint.request({ type: 'local-track-detach', track: slot.track });
  }

  async configure(mid: string, config: LocalTrackConfig): Promise<ProtocolError | undefined> {
    const slot = this.#manual(mid);
    if (slot === undefined) return notManual(mid);
    slot.config = config;
    if (slot.source === undefined) return undefined;
    return this.#endpoint.request({ type: 'local-track-config', track: slot.track, config });
  }

  /** Changes what the mixer slots play; kept for slots that come later. @returns The core's answer. */
  async configureMixer({ mode, sources, paused }: MixerWish): Promise<ProtocolError | undefined> {
    const before = this.#mixer;
    const wanted: Required<MixerWish> = {
      mode: mode ?? before.mode,
      sources: sources ?? (mode === 'auto' ? [] : before.sources),
      paused: paused ?? before.paused,
    };
    if (wanted.mode === 'auto' && wanted.sources.length > 0)
      return { code: 'wrong-mixer-mode', detail: 'sources' };
    this.#mixer = wanted;
    if (this.#mixed === '') return undefined;
    const error = await this.#endpoint.request(
      wanted.mode === before.mode
        ? {
            type: 'mixer-config',
            paused: wanted.paused,
            ...(wanted.mode === 'manual' ? { sources: wanted.sources } : {}),
          }
        : this.#mixerAttachment(),
    );
    if (error !== undefined && this.#mixer === wanted) this.#mixer = before;
    return error;
  }

  midOf(track: TrackId): string | undefined {
    return this.#byTrack.get(track)?.mid;
  }

  /** The viewer's decoder needs a keyframe on this m-line. */
  requestKeyframe(mid: string): void {
    const slot = this.#byMid.get(mid);
    if (slot?.kind !== 'video' || slot.source === undefined) return;
    this.#endpoint.control({ type: 'local-track-keyframe-request', track: slot.track });
  }

  /** Media may flow: what was forwarded before the handshake is lost, so every picture starts again. */
  onConnected(): void {
    for (const mid of this.#byMid.keys()) this.requestKeyframe(mid);
  }

  /** The endpoint left its room: the core holds nothing of the slots any more. */
  onLeft(): void {
    for (const slot of this.#byMid.values()) slot.source = undefined;
    this.#mixed = '';
  }

  /** The endpoint joined a room (again). */
  onJoined(): void {
    this.onLeft();
    this.#attachMixer();
  }

  #attachMixer(): void {
    const slots = this.#mixerSlots();
    const key = slots.join(' ');
    if (key === this.#mixed) return;
    this.#mixed = key;
    if (slots.length === 0) this.#endpoint.control({ type: 'mixer-detach' });
    else this.#endpoint.control(this.#mixerAttachment());
  }

  #mixerAttachment(): Extract<EndpointControl, { type: 'mixer-attach' }> {
    const { mode, sources, paused } = this.#mixer;
    return {
      type: 'mixer-attach',
      mode,
      slots: this.#mixerSlots(),
      ...(mode === 'manual' ? { sources } : {}),
      ...(paused ? { paused } : {}),
    };
  }

  #mixerSlots(): TrackId[] {
    return [...this.#byMid.values()].filter(({ use }) => use === 'mixer').map(({ track }) => track);
  }

  #manual(mid: string): Slot | undefined {
    const slot = this.#byMid.get(mid);
    return slot?.use === 'manual' ? slot : undefined;
  }
}

const notManual = (mid: string): ProtocolError => ({
  code: 'unknown-track',
  detail: `there is no manual receiver ${mid}`,
});
