import type { AacToOpus, OpusSink } from './aac-to-opus.ts';
import type { AvCodecContext, AvFrame, AvPacket, AvResampler, NodeAv, NodeAvConstants } from './node-av.ts';
import { OpusFramer } from './opus-framer.ts';

const RATE = 48_000;
const BITRATE_BPS = 96_000;
const OUT_SAMPLES_MAX = 8192;
const BYTES_PER_SAMPLE = 4;
/** After so many access units that fail in a row the decoder is made anew: some inputs leave it failing for ever. */
const FAILURES_MAX = 20;

/** AAC → Opus with FFmpeg inside the process: about 0.5 % of a core a stream. */
export class AacToOpusNodeAv implements AacToOpus {
  readonly #av: NodeAv;
  readonly #constants: NodeAvConstants;
  readonly #config: Buffer;
  readonly #encoder: AvCodecContext;
  readonly #sink: OpusSink;
  readonly #framer: OpusFramer;
  readonly #input: AvPacket;
  readonly #output: AvPacket;
  readonly #frame: AvFrame;
  readonly #pcm: Buffer = Buffer.alloc(OUT_SAMPLES_MAX * BYTES_PER_SAMPLE);
  #decoder: AvCodecContext;
  #resampler: AvResampler | undefined;
  #resamplerKey = '';
  #failures = 0;
  #closed = false;

  private constructor(
    av: NodeAv,
    constants: NodeAvConstants,
    config: Buffer,
    decoder: AvCodecContext,
    encoder: AvCodecContext,
    sink: OpusSink,
  ) {
    this.#av = av;
    this.#constants = constants;
    this.#config = config;
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#sink = sink;
    this.#framer = new OpusFramer((pcm, pts, level) => this.#encode(pcm, pts, level));
    this.#input = new av.Packet();
    this.#output = new av.Packet();
    this.#frame = new av.Frame();
    for (const each of [this.#input, this.#output, this.#frame]) each.alloc();
  }

  static async create(
    av: NodeAv,
    constants: NodeAvConstants,
    config: Uint8Array,
    sink: OpusSink,
  ): Promise<AacToOpusNodeAv> {
    const extraData = Buffer.from(config);
    const decoder = await openDecoder(av, extraData);
    const codec = av.Codec.findEncoderByName('libopus');
    const encoder = new av.CodecContext();
    encoder.allocContext3(codec);
    encoder.sampleRate = RATE;
    encoder.sampleFormat = constants.AV_SAMPLE_FMT_S16;
    encoder.channelLayout = constants.AV_CHANNEL_LAYOUT_STEREO;
    encoder.bitRate = BigInt(BITRATE_BPS);
    encoder.timeBase = { num: 1, den: RATE };
    encoder.threadCount = 1;
    const options = {
      application: 'audio',
      frame_duration: '20',
      fec: '1',
      packet_loss: '5',
      compression_level: '5',
    };
    if ((await encoder.open2(codec, av.Dictionary.fromObject(options))) < 0)
      throw new Error('The Opus encoder does not open.');
    return new AacToOpusNodeAv(av, constants, extraData, decoder, encoder, sink);
  }

  push(accessUnit: Uint8Array, ptsMs: number): void {
    if (this.#closed) return;
    const packet = this.#input;
    packet.data = Buffer.from(accessUnit.buffer, accessUnit.byteOffset, accessUnit.byteLength);
    packet.pts = BigInt(Math.round(ptsMs));
    packet.dts = packet.pts;
    const sent = this.#decoder.sendPacketSync(packet);
    packet.unref();
    if (sent < 0) {
      this.#failures += 1;
      if (this.#failures >= FAILURES_MAX) this.#reopen();
      return;
    }
    this.#failures = 0;
    while (this.#decoder.receiveFrameSync(this.#frame) >= 0) {
      this.#resample(ptsMs);
      this.#frame.unref();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#resampler?.free();
    for (const each of [this.#input, this.#output, this.#frame]) each.free();
    this.#decoder.freeContext();
    this.#encoder.freeContext();
  }

  #resample(ptsMs: number): void {
    const frame = this.#frame;
    const key = `${frame.sampleRate}:${frame.channels}:${frame.format}`;
    if (key !== this.#resamplerKey) {
      this.#resampler?.free();
      const resampler = new this.#av.SoftwareResampleContext();
      const { AV_CHANNEL_LAYOUT_STEREO, AV_SAMPLE_FMT_S16 } = this.#constants;
      resampler.allocSetOpts2(
        AV_CHANNEL_LAYOUT_STEREO,
        AV_SAMPLE_FMT_S16,
        RATE,
        frame.channelLayout,
        frame.format,
        frame.sampleRate,
      );
      if (resampler.init() < 0) return;
      this.#resampler = resampler;
      this.#resamplerKey = key;
    }
    const input = frame.extendedData ?? frame.data;
    const samples = this.#resampler?.convertSync([this.#pcm], OUT_SAMPLES_MAX, input, frame.nbSamples) ?? 0;
    if (samples <= 0) return;
    this.#framer.push(new Int16Array(this.#pcm.buffer, this.#pcm.byteOffset, samples * 2), ptsMs);
  }

  #encode(pcm: Int16Array, ptsSamples: number, levelDbov: number): void {
    const frame = this.#av.Frame.fromAudioBuffer(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength), {
      nbSamples: pcm.length / 2,
      format: this.#constants.AV_SAMPLE_FMT_S16,
      sampleRate: RATE,
      channelLayout: this.#constants.AV_CHANNEL_LAYOUT_STEREO,
    });
    frame.pts = BigInt(ptsSamples);
    this.#encoder.sendFrameSync(frame);
    frame.free();
    while (this.#encoder.receivePacketSync(this.#output) >= 0) {
      if (this.#output.data !== null) this.#sink(this.#output.data, Number(this.#output.pts) / 48, levelDbov);
      this.#output.unref();
    }
  }

  #reopen(): void {
    this.#failures = 0;
    openDecoder(this.#av, this.#config).then(
      (decoder) => {
        if (this.#closed) decoder.freeContext();
        else {
          this.#decoder.freeContext();
          this.#decoder = decoder;
        }
      },
      // The old one stays; the next failures try again.
      () => undefined,
    );
  }
}

async function openDecoder(av: NodeAv, config: Buffer): Promise<AvCodecContext> {
  const codec = av.Codec.findDecoderByName('aac');
  const decoder = new av.CodecContext();
  decoder.allocContext3(codec);
  decoder.extraData = config;
  decoder.pktTimebase = { num: 1, den: 1000 };
  decoder.threadCount = 1;
  if ((await decoder.open2(codec)) < 0)
    throw new Error('The AAC configuration of the stream is not readable.');
  return decoder;
}
