import {
  type EndpointId,
  emptyFanoutTarget,
  type FanoutFrame,
  type TrackId,
} from '@switchyard/shared/protocol';
import type { PayloadRing } from '../send/payload-ring.ts';
import type { Slot } from '../send/slot.ts';
import type { Egress } from './egress.ts';

const keyOf = (endpoint: number, track: number): number => endpoint * 0x1_0000 + track;

/** The egress in TypeScript: header, patches and SRTP of each target in turn. */
export class EgressTs implements Egress {
  readonly #slots = new Map<number, Slot>();
  readonly #ring: PayloadRing;
  readonly #target = emptyFanoutTarget();
  readonly #nowMs: () => number;
  /** Targets without a slot: viewers that just left. */
  unknownTargets = 0;
  /** Payloads that fit no packet. */
  oversizedPackets = 0;

  constructor(ring: PayloadRing, nowMs: () => number) {
    this.#ring = ring;
    this.#nowMs = nowMs;
  }

  bind(endpoint: EndpointId, track: TrackId, slot: Slot): void {
    this.#slots.set(keyOf(endpoint, track), slot);
  }

  unbind(endpoint: EndpointId, track: TrackId): void {
    this.#slots.delete(keyOf(endpoint, track));
  }

  handleFanout(frame: FanoutFrame): void {
    const { packet, targetCount } = frame;
    const target = this.#target;
    const nowMs = this.#nowMs();
    const payload = this.#ring.write(packet);
    if (payload === undefined) {
      this.oversizedPackets += 1;
      return;
    }
    for (let index = 0; index < targetCount; index += 1) {
      frame.readTarget(index, target);
      const slot = this.#slots.get(keyOf(target.endpoint, target.track));
      if (slot === undefined) this.unknownTargets += 1;
      else slot.send(packet, payload, target, nowMs);
    }
  }
}
