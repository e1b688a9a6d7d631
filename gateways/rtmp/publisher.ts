import {
  type AvcConfig,
  emptyMediaPacket,
  forEachAvcNal,
  H264Packetizer,
  NAL,
  nalType,
  readAvcConfig,
  readH264Sps,
  readPayload,
} from '@switchyard/shared/media';
import { ERROR_CODES, type RemoteTrackInfo, type TrackId, trackId } from '@switchyard/shared/protocol';
import type { Config, LinkEndpoint } from '@switchyard/shared/runtime';
import { type AacToOpus, createAacToOpus, VideoTranscoder } from '@switchyard/shared/transcode';
import { readFlvAudio, readFlvVideo } from './flv.ts';
import { ReorderDetector } from './reorder-detector.ts';
import { StreamClock } from './stream-clock.ts';

const AUDIO: TrackId = trackId(1);
const VIDEO: TrackId = trackId(2);
const VIDEO_CLOCK_PER_MS = 90;
const AUDIO_CLOCK_PER_MS = 48;
/** Audio that waits for its decoder to open. */
const EARLY_AUDIO_MAX = 200;
/** Bitrate of a transcoded picture by its height: what a browser's own encoder would take. */
const TRANSCODE_BPS = (height: number): number =>
  height > 720 ? 4_500_000 : height > 480 ? 2_500_000 : 1_200_000;

export interface PublisherOptions {
  readonly endpoint: LinkEndpoint;
  readonly policy: Config['rtmp']['transcode'];
  readonly nowMs: () => number;
  /** The stream cannot be shown; `sentence` is for the person who publishes. */
  readonly onRefused: (sentence: string) => void;
  readonly log: (fields: object, message: string) => void;
}

/** Tags of one RTMP stream → packets of its tracks: H.264 packetised or transcoded, AAC to Opus. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #clock = new StreamClock();
  readonly #ordering = new ReorderDetector();
  readonly #packetizer = new H264Packetizer();
  readonly #videoPacket = emptyMediaPacket('h264');
  readonly #audioPacket = emptyMediaPacket('opus');
  #config: AvcConfig | undefined;
  #configBytes: Buffer | undefined;
  #videoStarted = false;
  #audioStarted = false;
  #transcoder: VideoTranscoder | undefined;
  #audio: AacToOpus | undefined;
  #audioConfig = '';
  readonly #earlyAudio: { readonly data: Buffer; readonly ptsMs: number }[] = [];
  #opening = false;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** How video goes on: undefined before the first picture. */
  get videoMode(): 'passthrough' | 'transcode' | undefined {
    if (!this.#videoStarted) return undefined;
    return this.#transcoder === undefined ? 'passthrough' : 'transcode';
  }

  get transcoderPid(): number | undefined {
    return this.#transcoder?.pid;
  }

  handle(kind: 'audio' | 'video', timestampMs: number, payload: Buffer): void {
    if (this.#closed) return;
    if (kind === 'video') this.#video(timestampMs, payload);
    else this.#handleAudio(timestampMs, payload);
  }

  /** A viewer needs a picture to begin with; a stream that passes through cannot be asked. */
  requestKeyframe(): void {
    this.#transcoder?.requestKeyframe();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#transcoder?.close();
    this.#audio?.close();
  }

  #video(dtsMs: number, payload: Buffer): void {
    const tag = readFlvVideo(payload);
    switch (tag.kind) {
      case 'config':
        this.#configure(tag.data);
        return;
      case 'picture':
        this.#picture(tag.data, dtsMs, dtsMs + tag.compositionMs, tag.keyframe);
        return;
      case 'unsupported':
        this.#refuse(`Video must be H.264, not ${tag.codec}: choose an x264 or H.264 encoder.`);
        return;
      case 'other':
        return;
    }
  }

  #configure(data: Buffer): void {
    const config = readAvcConfig(data);
    if (config === undefined) {
      this.#refuse('The H.264 configuration of the stream is not readable.');
      return;
    }
    if (this.#configBytes?.equals(data) === true) return;
    this.#config = config;
    this.#configBytes = Buffer.from(data);
    this.#ordering.configure(config);
    this.#transcoder?.close();
    this.#transcoder = undefined;
    // A stream that is known to pass or not is decided at its first picture; `started` stays for the room.
    if (this.#videoStarted) this.#decide();
  }

  #picture(data: Buffer, dtsMs: number, ptsMs: number, keyframe: boolean): void {
    if (this.#config === undefined) return;
    const before = this.#ordering.ordering;
    this.#ordering.picture(ptsMs);
    if (!this.#videoStarted) {
      if (!keyframe) return;
      this.#decide();
      this.#startVideo();
    } else if (before !== this.#ordering.ordering) this.#switchToTranscode();
    if (this.#closed) return;
    if (this.#transcoder !== undefined) this.#transcoder.push(data, dtsMs, ptsMs, keyframe);
    else this.#passThrough(data, ptsMs);
  }

  /** Policy and order of pictures → pass through, transcode, or refuse. */
  #decide(): void {
    const { policy } = this.#options;
    const reordered = this.#ordering.ordering === 'reordered';
    if (policy === 'transcode' || (policy === 'auto' && reordered)) this.#openTranscoder();
    else if (policy === 'reject' && reordered) this.#refuse(ERROR_CODES['unsupported-reordering'].sentence);
  }

  /** B-frames turned up in a stream whose headers did not tell. */
  #switchToTranscode(): void {
    this.#decide();
    if (this.#transcoder === undefined || this.#closed) return;
    this.#options.endpoint.control({ type: 'remote-track-stop', track: VIDEO });
    this.#startVideo();
  }

  #openTranscoder(): void {
    const [sps] = this.#config?.sps ?? [];
    const facts = sps === undefined ? undefined : readH264Sps(sps);
    if (facts === undefined || this.#configBytes === undefined) {
      this.#refuse('The H.264 configuration of the stream is not readable.');
      return;
    }
    const { width, height } = facts;
    this.#options.log(
      { width, height },
      'transcoding video: the stream has B-frames or a profile browsers cannot play',
    );
    this.#transcoder = new VideoTranscoder(
      { config: this.#configBytes, width, height, bitrateBps: TRANSCODE_BPS(height) },
      {
        onPicture: (nals, ptsMs) => this.#sendPicture(nals, ptsMs),
        onFailed: (reason) => this.#refuse(`${reason} ${ERROR_CODES['unsupported-reordering'].sentence}`),
      },
    );
  }

  #startVideo(): void {
    if (this.#closed) return;
    this.#videoStarted = true;
    const info: RemoteTrackInfo = {
      name: 'video_main',
      kind: 'video',
      codec: 'h264',
      layers: [this.#size()],
      keyframeOnRequest: this.#transcoder !== undefined,
    };
    this.#options.endpoint.control({ type: 'remote-track-start', track: VIDEO, info });
  }

  #size(): { width?: number; height?: number } {
    const [sps] = this.#config?.sps ?? [];
    const facts = sps === undefined ? undefined : readH264Sps(sps);
    return facts === undefined ? {} : { width: facts.width, height: facts.height };
  }

  /** Drops what decoders do not need and puts the parameter sets before each IDR. */
  #passThrough(data: Buffer, ptsMs: number): void {
    const config = this.#config;
    if (config === undefined) return;
    const slices: Uint8Array[] = [];
    let hasIdr = false;
    const whole = forEachAvcNal(data, config.lengthBytes, (nal) => {
      const type = nalType(nal);
      if (type < NAL.slice || type > NAL.idr) return;
      hasIdr ||= type === NAL.idr;
      slices.push(nal);
    });
    if (!whole || slices.length === 0) return;
    this.#sendPicture(hasIdr ? [...config.sps, ...config.pps, ...slices] : slices, ptsMs);
  }

  #sendPicture(nals: readonly Uint8Array[], ptsMs: number): void {
    if (this.#closed) return;
    const packet = this.#videoPacket;
    packet.timestamp = Math.round(ptsMs * VIDEO_CLOCK_PER_MS) >>> 0;
    packet.captureMs = this.#clock.captureMs(ptsMs, this.#options.nowMs());
    this.#packetizer.packetize(nals, (payload, last) => {
      packet.payload = payload;
      packet.marker = last;
      packet.seq = (packet.seq + 1) & 0xffff;
      if (readPayload(packet)) this.#options.endpoint.media(VIDEO, packet);
    });
  }

  #handleAudio(timestampMs: number, payload: Buffer): void {
    const tag = readFlvAudio(payload);
    switch (tag.kind) {
      case 'config':
        this.#openAudio(tag.data);
        return;
      case 'frame':
        if (this.#audio !== undefined) this.#audio.push(tag.data, timestampMs);
        else if (this.#opening && this.#earlyAudio.length < EARLY_AUDIO_MAX)
          this.#earlyAudio.push({ data: Buffer.from(tag.data), ptsMs: timestampMs });
        return;
      case 'unsupported':
        this.#refuse(`Audio must be AAC, not ${tag.codec}.`);
        return;
      case 'other':
        return;
    }
  }

  #openAudio(config: Buffer): void {
    const key = config.toString('hex');
    if (key === this.#audioConfig) return;
    this.#audioConfig = key;
    this.#audio?.close();
    this.#audio = undefined;
    this.#opening = true;
    createAacToOpus(config, (packet, ptsMs, level) => this.#sendAudio(packet, ptsMs, level)).then(
      (audio) => {
        if (this.#closed || key !== this.#audioConfig) {
          audio.close();
          return;
        }
        this.#opening = false;
        this.#audio = audio;
        for (const { data, ptsMs } of this.#earlyAudio.splice(0)) audio.push(data, ptsMs);
      },
      (error: unknown) =>
        this.#refuse(error instanceof Error ? error.message : 'The audio of the stream is not readable.'),
    );
  }

  #sendAudio(opus: Uint8Array, ptsMs: number, levelDbov: number): void {
    if (this.#closed) return;
    const { endpoint } = this.#options;
    if (!this.#audioStarted) {
      this.#audioStarted = true;
      const info: RemoteTrackInfo = { name: 'audio_main', kind: 'audio', codec: 'opus', layers: [] };
      endpoint.control({ type: 'remote-track-start', track: AUDIO, info });
    }
    const packet = this.#audioPacket;
    packet.seq = (packet.seq + 1) & 0xffff;
    packet.timestamp = Math.round(ptsMs * AUDIO_CLOCK_PER_MS) >>> 0;
    packet.captureMs = this.#clock.captureMs(ptsMs, this.#options.nowMs());
    packet.audioLevel = levelDbov;
    packet.payload = opus;
    if (readPayload(packet)) endpoint.media(AUDIO, packet);
  }

  #refuse(sentence: string): void {
    if (this.#closed) return;
    this.close();
    this.#options.onRefused(sentence);
  }
}
