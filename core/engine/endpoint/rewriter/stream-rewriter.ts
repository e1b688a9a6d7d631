import { clockRateOf, type MediaKind, type MediaPacket } from '@switchyard/shared/media';
import { emptyFanoutTarget, type FanoutTarget } from '@switchyard/shared/protocol';
import { DROP } from '../drop-reason.ts';
import { DECISION, type Decision } from '../selector/selector.ts';
import { CounterRewriter, UNPLACED } from './counter-rewriter.ts';
import { OffsetRewriter } from './offset-rewriter.ts';
import { TimestampRewriter } from './timestamp-rewriter.ts';

/** Packets, and pictures, that may come late and still be placed right. */
const SEQ_WINDOW = 1024;
const PICTURE_WINDOW = 128;

/** Everything that is renumbered of one viewer's stream. Fills one {@link FanoutTarget}, which it owns. */
export class StreamRewriter {
  readonly target: FanoutTarget = emptyFanoutTarget();
  readonly #isVideo: boolean;
  readonly #seq = new CounterRewriter(16, SEQ_WINDOW);
  readonly #pictureId = new CounterRewriter(15, PICTURE_WINDOW);
  readonly #tl0 = new OffsetRewriter(8);
  readonly #frameNumber = new OffsetRewriter(16);
  readonly #timestamp: TimestampRewriter;
  /** The newest packet that was sent is the last of its picture. */
  #closed = true;

  constructor(endpoint: number, track: number, kind: MediaKind) {
    this.target.endpoint = endpoint;
    this.target.track = track;
    this.#isVideo = kind === 'video';
    this.#timestamp = new TimestampRewriter(clockRateOf(kind === 'audio' ? 'opus' : 'vp8'));
  }

  /** The next packet, which is `first`, is of another stream (E4, C1). */
  restart(first: MediaPacket): void {
    // A gap tells the receiver that the picture will not be completed.
    this.#seq.restart(this.#isVideo && !this.#closed ? 1 : 0, 16);
    this.#pictureId.restart(0, first.pictureIdBits === 7 ? 7 : 15);
    this.#tl0.restart();
    this.#frameNumber.restart();
    this.#timestamp.restart();
  }

  /** How far ahead of its capture time the stream would be if it went on with `first`, milliseconds (E5). */
  leadMs(first: MediaPacket, nowMs: number): number {
    return this.#timestamp.leadMs(first.captureMs, nowMs);
  }

  /** Hot path. @returns forward with `target` filled in, or the reason why the packet cannot be sent. */
  forward(packet: MediaPacket, marker: boolean, decodeTargets: number, nowMs: number): Decision {
    const decision = this.#number(packet, marker);
    if (decision !== DECISION.forward) return decision;
    this.target.decodeTargets = decodeTargets;
    this.target.timestamp = this.#timestamp.forward(packet, nowMs);
    return decision;
  }

  /** The same for a packet that is sent again with others, faster than they were captured. */
  replay(packet: MediaPacket, marker: boolean, isNewPicture: boolean, nowMs: number): Decision {
    const decision = this.#number(packet, marker);
    if (decision !== DECISION.forward) return decision;
    // A millisecond apart: the viewer's decoder catches up at once and shows the last one.
    if (isNewPicture) this.target.timestamp = this.#timestamp.follow(packet.captureMs, nowMs);
    return decision;
  }

  /** Live packets go on after a replay in real time. */
  endReplay(): void {
    this.#timestamp.restart();
  }

  /**
   * The packet is left out on purpose (T3).
   * @param wholePicture With all its picture, of a codec whose PictureID then leaves no gap.
   * @returns Whether its number is to be sent as padding, with `target` filled in (T4).
   */
  drop(packet: MediaPacket, wholePicture: boolean, nowMs: number): boolean {
    if (wholePicture && packet.pictureId >= 0) this.#pictureId.drop(packet.pictureId);
    const seq = this.#seq.drop(packet.seq);
    if (seq === UNPLACED) return false;
    const { target } = this;
    target.seq = seq;
    target.timestamp = this.#timestamp.forward(packet, nowMs);
    target.marker = false;
    target.empty = true;
    return true;
  }

  #number(packet: MediaPacket, marker: boolean): Decision {
    const seq = this.#seq.forward(packet.seq);
    if (seq === UNPLACED) return DROP.late;
    if (!this.#seq.isNew) return DROP.duplicate;
    if (this.#seq.isNewest) this.#closed = marker;
    const { target } = this;
    target.seq = seq;
    target.marker = marker;
    target.empty = false;
    target.pictureId = packet.pictureId < 0 ? UNPLACED : this.#pictureId.forward(packet.pictureId);
    target.tl0PicIdx = packet.tl0PicIdx < 0 ? UNPLACED : this.#tl0.forward(packet.tl0PicIdx);
    if (packet.dependencyDescriptor.length > 0)
      target.frameNumber = this.#frameNumber.forward(frameNumberOf(packet.dependencyDescriptor));
    return DECISION.forward;
  }
}

/** frame_number follows the byte of the borders and the template (AV1 RTP payload §A.8.1). */
const frameNumberOf = (descriptor: Uint8Array): number => ((descriptor[1] ?? 0) << 8) | (descriptor[2] ?? 0);
