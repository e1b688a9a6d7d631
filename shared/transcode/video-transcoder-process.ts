/** The child process of a {@link VideoTranscoder}: decodes, converts, encodes; one picture after the other. */
import { forEachAnnexBNal, NAL, nalType } from '@switchyard/shared/media';
import {
  type AvCodecContext,
  type AvFrame,
  type AvPacket,
  type AvScaler,
  loadNodeAv,
  type NodeAv,
  type NodeAvConstants,
} from './node-av.ts';

export type TranscoderInput =
  | {
      readonly type: 'open';
      readonly config: Buffer;
      readonly width: number;
      readonly height: number;
      readonly bitrateBps: number;
    }
  | { readonly type: 'picture'; readonly data: Buffer; readonly dtsMs: number; readonly ptsMs: number }
  | { readonly type: 'keyframe' };

export type TranscoderOutput =
  | { readonly type: 'picture'; readonly nals: readonly Uint8Array[]; readonly ptsMs: number }
  | { readonly type: 'consumed' }
  | { readonly type: 'failed'; readonly reason: string };

const PICTURE_TYPE_I = 1;
const PICTURE_TYPE_NONE = 0;
/** Keyframes come on request; this is for recordings and for late repairs, pictures. */
const KEYFRAME_INTERVAL = 300;
const SCALE_BILINEAR = 2;

const say = (message: TranscoderOutput): void => {
  process.send?.(message);
};

class Pipeline {
  readonly #av: NodeAv;
  readonly #constants: NodeAvConstants;
  readonly #decoder: AvCodecContext;
  readonly #encoder: AvCodecContext;
  readonly #input: AvPacket;
  readonly #output: AvPacket;
  readonly #decoded: AvFrame;
  readonly #width: number;
  readonly #height: number;
  #scaler: { readonly key: string; readonly context: AvScaler } | undefined;
  #keyframe = true;

  private constructor(
    av: NodeAv,
    constants: NodeAvConstants,
    decoder: AvCodecContext,
    encoder: AvCodecContext,
    width: number,
    height: number,
  ) {
    this.#av = av;
    this.#constants = constants;
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#width = width;
    this.#height = height;
    this.#input = new av.Packet();
    this.#output = new av.Packet();
    this.#decoded = new av.Frame();
    for (const each of [this.#input, this.#output, this.#decoded]) each.alloc();
  }

  static async open(request: Extract<TranscoderInput, { type: 'open' }>): Promise<Pipeline> {
    const loaded = await loadNodeAv();
    if (loaded === undefined)
      throw new Error('Video with B-frames needs the optional npm package node-av, which is not installed.');
    const { av, constants } = loaded;
    const decoderCodec = av.Codec.findDecoderByName('h264');
    const decoder = new av.CodecContext();
    decoder.allocContext3(decoderCodec);
    decoder.extraData = request.config;
    decoder.threadCount = 1;
    decoder.pktTimebase = { num: 1, den: 1000 };
    if ((await decoder.open2(decoderCodec)) < 0) throw new Error('The H.264 configuration is not readable.');
    const encoderCodec = av.Codec.findEncoderByName('libx264');
    const encoder = new av.CodecContext();
    encoder.allocContext3(encoderCodec);
    encoder.width = request.width & ~1;
    encoder.height = request.height & ~1;
    encoder.pixelFormat = constants.AV_PIX_FMT_YUV420P;
    encoder.timeBase = { num: 1, den: 1000 };
    encoder.framerate = { num: 30, den: 1 };
    encoder.bitRate = BigInt(request.bitrateBps);
    encoder.rcMaxRate = BigInt(request.bitrateBps);
    encoder.rcBufferSize = Math.round(request.bitrateBps / 2);
    encoder.gopSize = KEYFRAME_INTERVAL;
    encoder.maxBFrames = 0;
    encoder.threadCount = 1;
    const options = { preset: 'superfast', tune: 'zerolatency', profile: 'baseline', 'forced-idr': '1' };
    if ((await encoder.open2(encoderCodec, av.Dictionary.fromObject(options))) < 0)
      throw new Error('The H.264 encoder does not open.');
    return new Pipeline(av, constants, decoder, encoder, encoder.width, encoder.height);
  }

  requestKeyframe(): void {
    this.#keyframe = true;
  }

  async push(data: Buffer, dtsMs: number, ptsMs: number): Promise<void> {
    const packet = this.#input;
    packet.data = data;
    packet.dts = BigInt(Math.round(dtsMs));
    packet.pts = BigInt(Math.round(ptsMs));
    const sent = await this.#decoder.sendPacket(packet);
    packet.unref();
    if (sent < 0) return;
    while (this.#decoder.receiveFrameSync(this.#decoded) >= 0) {
      const frame = this.#scaled(this.#decoded);
      frame.pictType = this.#keyframe ? PICTURE_TYPE_I : PICTURE_TYPE_NONE;
      this.#keyframe = false;
      await this.#encoder.sendFrame(frame);
      if (frame !== this.#decoded) frame.free();
      this.#decoded.unref();
      this.#drain();
    }
  }

  /** The encoder has one size and one pixel format; sources change both. */
  #scaled(frame: AvFrame): AvFrame {
    const { AV_PIX_FMT_YUV420P } = this.#constants;
    if (frame.width === this.#width && frame.height === this.#height && frame.format === AV_PIX_FMT_YUV420P)
      return frame;
    const key = `${frame.width}x${frame.height}:${frame.format}`;
    if (this.#scaler?.key !== key) {
      this.#scaler?.context.freeContext();
      const context = new this.#av.SoftwareScaleContext();
      context.getContext(
        frame.width,
        frame.height,
        frame.format,
        this.#width,
        this.#height,
        AV_PIX_FMT_YUV420P,
        SCALE_BILINEAR,
      );
      this.#scaler = { key, context };
    }
    const scaled = new this.#av.Frame();
    scaled.alloc();
    this.#scaler?.context.scaleFrameSync(scaled, frame);
    scaled.pts = frame.pts;
    return scaled;
  }

  #drain(): void {
    while (this.#encoder.receivePacketSync(this.#output) >= 0) {
      const nals: Uint8Array[] = [];
      if (this.#output.data !== null)
        forEachAnnexBNal(this.#output.data, (nal) => {
          if (nalType(nal) !== NAL.sei && nalType(nal) !== NAL.aud) nals.push(Uint8Array.from(nal));
        });
      if (nals.length > 0) say({ type: 'picture', nals, ptsMs: Number(this.#output.pts) });
      this.#output.unref();
    }
  }
}

let pipeline: Pipeline | undefined;
/** One after the other: the codecs keep state. */
let work: Promise<void> = Promise.resolve();

const failed = (error: unknown): void => {
  say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
};

process.on('message', (message: TranscoderInput) => {
  switch (message.type) {
    case 'open':
      work = work.then(async () => {
        pipeline = await Pipeline.open(message);
      });
      work.catch(failed);
      return;
    case 'picture':
      work = work
        .then(() => pipeline?.push(message.data, message.dtsMs, message.ptsMs))
        .catch(failed)
        .then(() => say({ type: 'consumed' }));
      return;
    case 'keyframe':
      pipeline?.requestKeyframe();
      return;
  }
});
process.once('disconnect', () => process.exit(0));
