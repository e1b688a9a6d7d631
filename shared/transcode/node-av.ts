/**
 * The part of node-av (FFmpeg in the process; an optional dependency, whose bundled FFmpeg is GPL) that is used here.
 */
export interface AvPacket {
  data: Buffer | null;
  pts: bigint;
  dts: bigint;
  alloc(): void;
  unref(): void;
  free(): void;
}

export interface AvFrame {
  readonly sampleRate: number;
  readonly channels: number;
  readonly format: number;
  readonly nbSamples: number;
  readonly width: number;
  readonly height: number;
  readonly channelLayout: unknown;
  readonly extendedData: Buffer[] | null;
  readonly data: Buffer[] | null;
  pts: bigint;
  pictType: number;
  alloc(): void;
  unref(): void;
  free(): void;
}

export interface AvCodecContext {
  extraData: Buffer | null;
  pktTimebase: { num: number; den: number };
  threadCount: number;
  sampleRate: number;
  sampleFormat: number;
  channelLayout: unknown;
  bitRate: bigint;
  timeBase: { num: number; den: number };
  width: number;
  height: number;
  pixelFormat: number;
  framerate: { num: number; den: number };
  rcMaxRate: bigint;
  rcBufferSize: number;
  gopSize: number;
  maxBFrames: number;
  allocContext3(codec: unknown): void;
  open2(codec: unknown, options?: unknown): Promise<number>;
  sendPacket(packet: AvPacket): Promise<number>;
  sendPacketSync(packet: AvPacket): number;
  receiveFrameSync(frame: AvFrame): number;
  sendFrame(frame: AvFrame): Promise<number>;
  sendFrameSync(frame: AvFrame): number;
  receivePacketSync(packet: AvPacket): number;
  freeContext(): void;
}

export interface AvResampler {
  allocSetOpts2(
    outLayout: unknown,
    outFormat: number,
    outRate: number,
    inLayout: unknown,
    inFormat: number,
    inRate: number,
  ): number;
  init(): number;
  convertSync(output: Buffer[], outSamples: number, input: Buffer[] | null, inSamples: number): number;
  free(): void;
}

export interface AvScaler {
  getContext(
    srcWidth: number,
    srcHeight: number,
    srcFormat: number,
    dstWidth: number,
    dstHeight: number,
    dstFormat: number,
    flags: number,
  ): void;
  scaleFrameSync(target: AvFrame, source: AvFrame): number;
  freeContext(): void;
}

export interface NodeAv {
  readonly Codec: {
    findDecoderByName(name: string): unknown;
    findEncoderByName(name: string): unknown;
  };
  readonly CodecContext: new () => AvCodecContext;
  readonly Packet: new () => AvPacket;
  readonly Frame: {
    new (): AvFrame;
    fromAudioBuffer(
      pcm: Buffer,
      shape: { nbSamples: number; format: number; sampleRate: number; channelLayout: unknown },
    ): AvFrame;
  };
  readonly SoftwareResampleContext: new () => AvResampler;
  readonly SoftwareScaleContext: new () => AvScaler;
  readonly Dictionary: { fromObject(options: Readonly<Record<string, string>>): unknown };
}

export interface NodeAvConstants {
  readonly AV_SAMPLE_FMT_S16: number;
  readonly AV_CHANNEL_LAYOUT_STEREO: unknown;
  readonly AV_PIX_FMT_YUV420P: number;
}

/** Named as values, so that a machine without the optional package still builds. */
const PACKAGE: string = 'node-av';
const CONSTANTS: string = 'node-av/constants';

/** @returns undefined when the optional package is not installed or does not load here. */
export async function loadNodeAv(): Promise<{ av: NodeAv; constants: NodeAvConstants } | undefined> {
  try {
    const av: NodeAv = await import(PACKAGE);
    const constants: NodeAvConstants = await import(CONSTANTS);
    return { av, constants };
  } catch {
    return undefined;
  }
}
