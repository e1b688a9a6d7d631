import { limitEncodings } from './encoding-limit.ts';
import {
  chooseEncodings,
  type Encoding,
  type EncodingWish,
  fitEncodings,
  type PictureSize,
} from './encodings.ts';
import type { MediaLink, MediaSender } from './media-link.ts';
import type { BitrateMode, Codec, MediaKind, SessionSender } from './protocol.ts';

export interface PublishOptions {
  /** Name in the room, unique among one's own tracks: `audio_main`, `video_main`, `screen`… */
  readonly name: string;
  /** Layers for viewers of different links. Default: true for motion, false for detail. */
  readonly simulcast?: boolean;
  /** Anything a page wants to say of the track, at most 4,096 bytes. */
  readonly metadata?: string;
  /** Share of the uplink among one's own tracks, 1 … 1000; default 100. */
  readonly priority?: number;
  /** `dynamic` (default): sends what somebody watches. `max`: always everything. */
  readonly bitrateMode?: BitrateMode;
  /** Default `vp8`: every browser encodes it in layers. */
  readonly codec?: Exclude<Codec, 'opus'>;
  /** `detail`: text and windows, sharp at few frames a second. Default: what the track's `contentHint` says, or motion. */
  readonly content?: 'motion' | 'detail';
  /** Cap in bits per second, of the top layer; default from the picture's size. */
  readonly maxBitrateBps?: number;
}

/** What may change while a track is published. */
export type SenderChange = Pick<PublishOptions, 'metadata' | 'priority' | 'bitrateMode'>;

/** What a sender asks of its session. @throws SwitchyardError */
export interface SenderPort {
  update(sender: Sender, change: SenderChange): Promise<void>;
  unpublish(sender: Sender): Promise<void>;
}

const DETAIL_HINTS: readonly string[] = ['detail', 'text'];
const LAYERS_MAX = 3;

/** One published track. It outlives connections: a session that comes back publishes it again by itself. */
export class Sender {
  readonly name: string;
  readonly kind: MediaKind;
  readonly #options: PublishOptions;
  readonly #port: SenderPort;
  #track: MediaStreamTrack;
  #change: SenderChange = {};
  #media: MediaSender | undefined;
  /** As chosen for the picture, before the server's limit. */
  #encodings: readonly Encoding[] = [];
  #active: readonly boolean[] = [];
  #limitBps = Number.POSITIVE_INFINITY;
  /** Which encodings somebody watches, lowest first; absent: all. */
  #wanted: readonly boolean[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(track: MediaStreamTrack, options: PublishOptions, port: SenderPort) {
    this.name = options.name;
    this.kind = track.kind === 'audio' ? 'audio' : 'video';
    this.#track = track;
    this.#options = options;
    this.#port = port;
    this.#watch(track);
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  /** What viewers can use of this track now, bits per second; `Infinity`: no limit. */
  get limitBps(): number {
    return this.#limitBps;
  }

  /** What is sent now, lowest layer first: which encodings are on and their caps. */
  get encodings(): readonly { readonly active: boolean; readonly maxBitrate: number }[] {
    return limitEncodings(this.#encodings, this.#limitBps, this.#active, this.#wanted);
  }

  /** Sends another track of the same kind, another camera say, without renegotiation. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    this.#track = track;
    this.#watch(track);
    await this.#media?.replaceTrack(track);
    if (this.kind === 'video' && this.#media !== undefined) {
      this.#encodings = fitEncodings(this.#encodings.length, sizeOf(track), this.#wish());
      await this.#applyLimit();
    }
  }

  /** @throws SwitchyardError */
  async update(change: SenderChange): Promise<void> {
    this.#change = { ...this.#change, ...change };
    await this.#port.update(this, change);
  }

  /** Takes the track out of the room. The MediaStreamTrack itself goes on: stop it when it is of no more use. */
  unpublish(): Promise<void> {
    return this.#port.unpublish(this);
  }

  /** @internal Sends on a new connection, which knows of no limit yet. */
  bind(link: MediaLink): void {
    this.#limitBps = Number.POSITIVE_INFINITY;
    this.#wanted = [];
    const isDetail = this.#content() === 'detail';
    this.#encodings =
      this.kind === 'video'
        ? chooseEncodings(sizeOf(this.#track), this.#wish())
        : audioEncodings(this.#options);
    this.#active = this.#encodings.map(({ active }) => active);
    this.#media = link.addSender({
      track: this.#track,
      encodings: this.#encodings,
      keepResolution: isDetail,
      ...(this.kind === 'video' ? { codec: this.#codec() } : {}),
    });
  }

  /** @internal Its m-line ends with the next offer. */
  unbind(): void {
    this.#media?.stop();
    this.#media = undefined;
  }

  /** @internal What the next offer says of it; undefined before it has an m-line. */
  describe(): SessionSender | undefined {
    const mid = this.#media?.mid ?? null;
    if (mid === null) return undefined;
    const { metadata, priority, bitrateMode } = { ...this.#options, ...this.#change };
    return {
      mid,
      name: this.name,
      ...(metadata === undefined ? {} : { metadata }),
      ...(priority === undefined ? {} : { priority }),
      ...(bitrateMode === undefined ? {} : { bitrateMode }),
    };
  }

  /** @internal The room can use no more than this, bits per second. */
  onLimit(maxBps: number): void {
    if (this.kind !== 'video' || maxBps === this.#limitBps) return;
    this.#limitBps = maxBps;
    void this.#applyLimit();
  }

  /** @internal Which encodings somebody watches: the others are switched off. */
  onEncodings(wanted: readonly boolean[]): void {
    if (this.kind !== 'video') return;
    this.#wanted = wanted;
    void this.#applyLimit();
  }

  /** One change at a time: `setParameters` refuses parameters that are not the latest. */
  #applyLimit(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const limited = limitEncodings(this.#encodings, this.#limitBps, this.#active, this.#wanted);
      this.#active = limited.map(({ active }) => active);
      const media = this.#media;
      // A connection that is just going away refuses; the next one starts from the beginning.
      await media
        ?.setEncodings(this.#encodings.map((encoding, index) => ({ ...encoding, ...limited[index] })))
        .catch(() => undefined);
    });
    return this.#turn;
  }

  /** A track that ends by itself (a device unplugged, the sharing of a screen stopped) leaves the room. */
  #watch(track: MediaStreamTrack): void {
    track.addEventListener('ended', () => {
      if (this.#track === track) void this.#port.unpublish(this).catch(() => undefined);
    });
  }

  #codec(): Codec {
    return this.#options.codec ?? 'vp8';
  }

  #content(): 'motion' | 'detail' {
    return this.#options.content ?? (DETAIL_HINTS.includes(this.#track.contentHint) ? 'detail' : 'motion');
  }

  #wish(): EncodingWish {
    const content = this.#content();
    const { simulcast = content === 'motion', maxBitrateBps } = this.#options;
    return {
      codec: this.#codec(),
      content,
      layers: simulcast ? LAYERS_MAX : 1,
      ...(maxBitrateBps === undefined ? {} : { maxBitrateBps }),
    };
  }
}

const sizeOf = (track: MediaStreamTrack): PictureSize | undefined => {
  const { width, height } = track.getSettings();
  return width === undefined || height === undefined ? undefined : { width, height };
};

const audioEncodings = ({ maxBitrateBps }: PublishOptions): readonly Encoding[] =>
  maxBitrateBps === undefined ? [] : [{ active: true, maxBitrate: maxBitrateBps }];
