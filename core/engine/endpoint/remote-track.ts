import type { MediaPacket } from '@switchyard/shared/media';
import type { RemoteTrackInfo, TrackId } from '@switchyard/shared/protocol';
import type { Channel, EngineOutput, Fabric } from '../io.ts';
import type { ChannelFan } from '../room/channel-fan.ts';
import { SPATIAL_MAX } from './selector/selector.ts';

/** Requests of many viewers become one a layer in this time, milliseconds. */
const KEYFRAME_THROTTLE_MS = 250;

/** client → us: one track that an endpoint publishes into its room. */
export class RemoteTrack {
  readonly endpoint: number;
  readonly id: TrackId;
  readonly channel: Channel;
  readonly fan: ChannelFan;
  info: RemoteTrackInfo;
  readonly #output: EngineOutput;
  readonly #fabric: Fabric;
  readonly #keyframeAskedMs = new Float64Array(SPATIAL_MAX).fill(Number.NEGATIVE_INFINITY);

  constructor(
    endpoint: number,
    id: TrackId,
    info: RemoteTrackInfo,
    fan: ChannelFan,
    output: EngineOutput,
    fabric: Fabric,
  ) {
    this.endpoint = endpoint;
    this.id = id;
    this.info = info;
    this.fan = fan;
    this.channel = fan.channel;
    this.#output = output;
    this.#fabric = fabric;
    fan.keepPictures(info.keyframeOnRequest === false);
  }

  /** Hot path. */
  handleMedia(packet: MediaPacket, nowMs: number): void {
    this.fan.deliver(packet, nowMs);
    this.#fabric.publish(this.channel, packet, nowMs);
  }

  keyframeRequested(spatial: number, nowMs: number): void {
    if (this.info.keyframeOnRequest === false || spatial >= SPATIAL_MAX) return;
    if (nowMs - (this.#keyframeAskedMs[spatial] ?? 0) < KEYFRAME_THROTTLE_MS) return;
    this.#keyframeAskedMs[spatial] = nowMs;
    this.#output.event(this.endpoint, { type: 'remote-track-keyframe-request', track: this.id, spatial });
  }
}
