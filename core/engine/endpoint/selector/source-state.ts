import {
  DependencyDescriptorReader,
  type FrameDependencies,
  type MediaPacket,
  seqDiff,
  timestampDiff,
} from '@switchyard/shared/media';
import { DEAD_LAYER_MS, SPATIAL_MAX } from './selector.ts';

/** A layer is dead only when others sent so many frames meanwhile: who sends rarely is slow. */
const DEAD_LAYER_FRAMES = 5;
/** Sequence numbers that are further behind, or further ahead, are another stream's. */
const MISORDER_MAX = 2048;
const DROPOUT_MAX = 8192;
/** Frames between keyframes of which upper layers used none, until a stream counts as K-SVC. */
const KEY_SVC_FRAMES = 8;

/** One encoding as it comes. */
class Encoding {
  seq = -1;
  timestamp = 0;
  descriptors: DependencyDescriptorReader | undefined;
}

/**
 * What a channel knows of its packets, worked out once for all viewers: which layers are alive, what the dependency
 * descriptor says, whether a packet begins a keyframe that may be switched to. Valid for the packet observed last.
 */
export class SourceState {
  readonly #encodings: Encoding[] = [];
  readonly #seenMs = new Float64Array(SPATIAL_MAX);
  readonly #missed = new Uint16Array(SPATIAL_MAX);
  #unusedFrames = 0;
  /** Bit i: encoding or spatial layer i is alive. */
  alive = 0;
  /** Undefined without a readable descriptor. */
  frame: FrameDependencies | undefined;
  /** The packet is the first of a keyframe, and nothing of that keyframe went by before (S3). */
  beginsKeyframe = false;
  /** The packet's sequence number belongs to another stream than the ones before it (E6). */
  jumped = false;
  /** Pictures between keyframes use no lower spatial layer (V3). */
  keySvc = false;

  /** The source begins anew: nothing is known of it. */
  reset(): void {
    this.#encodings.length = 0;
    this.#unusedFrames = 0;
    this.alive = 0;
    this.frame = undefined;
    this.beginsKeyframe = false;
    this.jumped = false;
    this.keySvc = false;
  }

  /** Hot path: one packet of the source. */
  observe(packet: MediaPacket, nowMs: number): void {
    const { spatial } = packet;
    if (spatial >= SPATIAL_MAX) {
      this.beginsKeyframe = false;
      this.jumped = false;
      return;
    }
    this.#seenMs[spatial] = nowMs;
    this.#missed[spatial] = 0;
    this.alive |= 1 << spatial;
    if (packet.frameStart)
      for (let i = 0; i < SPATIAL_MAX; i += 1)
        if (i !== spatial) this.#missed[i] = (this.#missed[i] ?? 0) + 1;
    const encoding = this.#encodingOf(packet.svc ? 0 : spatial);
    this.frame = packet.dependencyDescriptor.length === 0 ? undefined : readFrame(encoding, packet);
    if (packet.svc) this.#watchLayers(packet);
    this.#order(packet, encoding);
  }

  /** A packet that is sent once more from the cache: nothing is learnt from it. */
  replay(packet: MediaPacket): void {
    this.frame = undefined;
    this.jumped = false;
    this.beginsKeyframe = packet.keyframe && packet.frameStart;
  }

  /** Notices dead layers. @returns Mask of those that died. */
  tick(nowMs: number): number {
    let died = 0;
    for (let i = 0; i < SPATIAL_MAX; i += 1)
      if (nowMs - (this.#seenMs[i] ?? 0) > DEAD_LAYER_MS && (this.#missed[i] ?? 0) >= DEAD_LAYER_FRAMES)
        died |= 1 << i;
    died &= this.alive;
    this.alive &= ~died;
    return died;
  }

  /** The publisher says that it sends nothing more of these layers. @param layers Bit i: layer i. */
  stopped(layers: number): void {
    this.alive &= ~layers;
  }

  /** The living layer nearest to `target`, lower ones first; −1 when none lives. */
  nearest(target: number): number {
    for (let i = Math.min(target, SPATIAL_MAX - 1); i >= 0; i -= 1)
      if ((this.alive & (1 << i)) !== 0) return i;
    for (let i = Math.max(0, target + 1); i < SPATIAL_MAX; i += 1)
      if ((this.alive & (1 << i)) !== 0) return i;
    return -1;
  }

  #encodingOf(index: number): Encoding {
    while (this.#encodings.length <= index) this.#encodings.push(new Encoding());
    return this.#encodings[index] ?? new Encoding();
  }

  #order(packet: MediaPacket, encoding: Encoding): void {
    const starts = packet.keyframe && packet.frameStart && (!packet.svc || packet.spatial === 0);
    const distance = encoding.seq < 0 ? 0 : seqDiff(packet.seq, encoding.seq);
    const isFirst = encoding.seq < 0;
    this.jumped = distance < -MISORDER_MAX || distance > DROPOUT_MAX;
    if (isFirst || this.jumped) this.beginsKeyframe = starts;
    else if (packet.codec === 'h264' && this.frame === undefined)
      this.beginsKeyframe =
        starts && distance === 1 && timestampDiff(packet.timestamp, encoding.timestamp) !== 0;
    else this.beginsKeyframe = starts && distance > 0;
    if (!isFirst && !this.jumped && distance <= 0) return;
    encoding.seq = packet.seq;
    encoding.timestamp = packet.timestamp;
  }

  /** Whether upper layers use the lower ones between keyframes (VP9's Z bit, indications of the descriptor). */
  #watchLayers(packet: MediaPacket): void {
    // The top layer is used by none; it says nothing.
    if (!packet.frameStart || packet.keyframe || packet.spatial !== 0 || (this.alive & ~1) === 0) return;
    this.#unusedFrames = packet.notReference ? this.#unusedFrames + 1 : 0;
    this.keySvc = this.#unusedFrames >= KEY_SVC_FRAMES;
  }
}

function readFrame(encoding: Encoding, packet: MediaPacket): FrameDependencies | undefined {
  encoding.descriptors ??= new DependencyDescriptorReader();
  return encoding.descriptors.read(packet.dependencyDescriptor) ? encoding.descriptors : undefined;
}
