import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import { DEFAULT_LOCAL_TRACK_CONFIG, type FanoutTarget, trackId } from '@switchyard/shared/protocol';
import { ForwardCounters } from '../endpoint/forward-counters.ts';
import { LocalTrack } from '../endpoint/local-track.ts';
import type { EngineOutput } from '../io.ts';
import { ChannelFan } from '../room/channel-fan.ts';

/** What left for the viewer. */
export interface Sent extends FanoutTarget {
  readonly packet: MediaPacket;
  readonly atMs: number;
}

/** One source and one viewer on a virtual clock: everything between a packet of a publisher and a viewer's target. */
export class SwitchRig {
  readonly sent: Sent[] = [];
  /** Encodings of which a keyframe was asked for, with the time. */
  readonly keyframes: { readonly spatial: number; readonly atMs: number }[] = [];
  readonly counters: ForwardCounters = new ForwardCounters();
  readonly track: LocalTrack;
  fan: ChannelFan;
  nowMs = 1_800_000_000_000;
  readonly #output: EngineOutput;

  constructor(kind: 'audio' | 'video' = 'video') {
    this.#output = {
      forward: (packet, target) => {
        this.sent.push({ ...target, packet: { ...packet }, atMs: this.nowMs });
      },
      endPacket: () => {},
      event: () => {},
    };
    this.fan = this.newFan();
    this.track = new LocalTrack(1, trackId(1), kind, DEFAULT_LOCAL_TRACK_CONFIG, {
      output: this.#output,
      counters: this.counters,
      requestKeyframe: (_fan, spatial) => this.keyframes.push({ spatial, atMs: this.nowMs }),
    });
    this.track.takesDescriptors = true;
  }

  newFan(): ChannelFan {
    return new ChannelFan(
      { id: 1, name: 'app/room/peer/track' },
      { peer: 'peer', track: 'track' },
      this.#output,
    );
  }

  attach(fan: ChannelFan = this.fan): void {
    this.fan = fan;
    this.track.attach({ peer: 'peer', track: 'track' }, fan, this.nowMs);
  }

  target(spatial: number, temporal: number): void {
    this.track.setTarget(spatial, temporal, 1, 'best', this.nowMs);
  }

  /** The packet as the source sends it now; captured now, one packet a frame, unless it says otherwise. */
  push(packet: Partial<MediaPacket>): void {
    const whole = {
      ...emptyMediaPacket(packet.codec ?? 'vp8'),
      captureMs: this.nowMs,
      frameStart: true,
      frameEnd: true,
      marker: true,
      payload: new Uint8Array(100),
    };
    this.fan.deliver(Object.assign(whole, packet), this.nowMs);
  }

  advance(ms: number): void {
    for (let left = ms; left > 0; left -= 10) {
      this.nowMs += Math.min(left, 10);
      this.fan.tick(this.nowMs);
      this.track.tick(this.nowMs);
    }
  }

  /** What left since the last call. */
  take(): Sent[] {
    return this.sent.splice(0);
  }
}
