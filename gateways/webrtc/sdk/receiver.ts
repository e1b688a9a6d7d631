import { Emitter } from './emitter.ts';
import type { MediaSlot } from './media-link.ts';
import type { LayerReason, LocalTrackConfig, LocalTrackStatus, MediaKind, TrackSource } from './protocol.ts';
import { SlotStream } from './slot-stream.ts';

/** A layer of a video track; 0 is lowest. */
export interface Layer {
  readonly spatial: number;
  readonly temporal: number;
}

/** What the server sends of a source, what it aims for, and why not more. `null`: nothing. */
export interface ReceiverLayers {
  readonly current: Layer | null;
  readonly target: Layer | null;
  /** What the target costs of this session's link, bits per second. */
  readonly bitrateBps: number;
  readonly reason: LayerReason;
}

export type ReceiverEvents = {
  /** Attached to another source, or to none (undefined). */
  source: [TrackSource | undefined];
  status: [LocalTrackStatus | undefined];
  layers: [ReceiverLayers];
};

/**
 * How a receiver asks its session. The m-line is filled in by whoever knows it; without a connection the wish is kept.
 *
 * @throws SwitchyardError
 */
export interface ReceiverPort {
  attach(receiver: Receiver, source: TrackSource, config: LocalTrackConfig): Promise<void>;
  configure(receiver: Receiver, config: LocalTrackConfig): Promise<void>;
  detach(receiver: Receiver): Promise<void>;
}

/** Everything that the source and the link can give, with a normal share of the link. */
export const FULL_QUALITY: LocalTrackConfig = { priority: 100, maxSpatial: 2, maxTemporal: 2 };

const NO_LAYERS: ReceiverLayers = { current: null, target: null, bitrateBps: 0, reason: 'no-source' };

/**
 * A receive slot, which attaches to any source and switches to another without renegotiation. The pool's receivers
 * live as long as their session; what they are attached to is restored after a reconnect.
 */
export class Receiver extends Emitter<ReceiverEvents> {
  readonly kind: MediaKind;
  readonly #media = new SlotStream();
  readonly #port: ReceiverPort;
  #source: TrackSource | undefined;
  #config: LocalTrackConfig = FULL_QUALITY;
  #status: LocalTrackStatus | undefined;
  #reason: LayerReason | undefined;
  #layers: ReceiverLayers = NO_LAYERS;

  constructor(kind: MediaKind, port: ReceiverPort) {
    super();
    this.kind = kind;
    this.#port = port;
  }

  /** For `video.srcObject`; the same object for the life of the session, whatever the source. */
  get stream(): MediaStream {
    return this.#media.stream;
  }

  get track(): MediaStreamTrack | undefined {
    return this.#media.track;
  }

  get source(): TrackSource | undefined {
    return this.#source;
  }

  get config(): LocalTrackConfig {
    return this.#config;
  }

  /** Undefined while attached to nothing. */
  get status(): LocalTrackStatus | undefined {
    return this.#status;
  }

  /** Why the status is what it is: a paused receiver is paused by `estimate` or `priority`. Undefined while attached to nothing. */
  get reason(): LayerReason | undefined {
    return this.#reason;
  }

  get layers(): ReceiverLayers {
    return this.#layers;
  }

  /**
   * Attaches to a source, or switches to it. The source may appear later: the status is `waiting` until then. While
   * the session reconnects the wish is kept and carried out afterwards.
   *
   * @throws SwitchyardError What the server refused; the receiver is then attached to nothing.
   */
  async attach(source: TrackSource, config: Partial<LocalTrackConfig> = {}): Promise<void> {
    const isOther = source.peer !== this.#source?.peer || source.track !== this.#source.track;
    this.#config = { ...this.#config, ...config };
    this.#source = source;
    if (isOther) {
      this.#layers = NO_LAYERS;
      this.emit('source', source);
      this.onStatus('waiting');
    }
    try {
      await this.#port.attach(this, source, this.#config);
    } catch (error) {
      if (this.#source === source) this.reset();
      throw error;
    }
  }

  /** Changes priority (1 … 1000, default 100) and layer limits (0 is lowest). @throws SwitchyardError */
  async configure(config: Partial<LocalTrackConfig>): Promise<void> {
    const before = this.#config;
    const wanted = { ...before, ...config };
    this.#config = wanted;
    try {
      await this.#port.configure(this, wanted);
    } catch (error) {
      if (this.#config === wanted) this.#config = before;
      throw error;
    }
  }

  /** Attaches to nothing. @throws SwitchyardError */
  async detach(): Promise<void> {
    if (this.#source === undefined) return;
    this.reset();
    await this.#port.detach(this);
  }

  /** @internal The m-line of the connection that exists now. */
  bind(slot: MediaSlot | undefined): void {
    this.#media.use(slot?.track);
    if (slot === undefined && this.#source !== undefined) this.onStatus('waiting');
  }

  /** @internal */
  onStatus(status: LocalTrackStatus, reason?: LayerReason): void {
    // A status that crossed a detach on its way.
    if (this.#source === undefined || (this.#status === status && this.#reason === reason)) return;
    this.#status = status;
    this.#reason = reason;
    this.emit('status', status);
  }

  /** @internal */
  onLayers(layers: ReceiverLayers): void {
    if (this.#source === undefined) return;
    this.#layers = layers;
    this.emit('layers', layers);
  }

  /** @internal Back to attached to nothing, without telling the server. */
  reset(): void {
    if (this.#source === undefined) return;
    this.#source = undefined;
    this.#status = undefined;
    this.#reason = undefined;
    this.#layers = NO_LAYERS;
    this.emit('source', undefined);
    this.emit('status', undefined);
  }
}
