import type { MediaLink, PoolShape } from './media-link.ts';
import { MixerSlot } from './mixer-slot.ts';
import type { MediaKind, SessionRequestBody } from './protocol.ts';
import { Receiver, type ReceiverPort } from './receiver.ts';
import type { SessionNotice } from './signaling.ts';

export interface PoolPort {
  /** @throws SwitchyardError */
  request(body: SessionRequestBody): Promise<void>;
}

export interface PoolListener {
  onReceiver(event: 'receiver-source' | 'receiver-status' | 'receiver-layers', receiver: Receiver): void;
  onMixerSlot(slot: MixerSlot): void;
}

type SlotNotice = Extract<SessionNotice, { type: 'receiver-status' | 'receiver-layers' | 'receiver-source' }>;

/** The receive slots of a session, and which m-line of the current connection each of them is. */
export class ReceiverPool {
  readonly receivers: readonly Receiver[];
  readonly mixerSlots: readonly MixerSlot[];
  readonly #port: PoolPort;
  #link: MediaLink | undefined;

  constructor(shape: PoolShape, port: PoolPort, listener: PoolListener) {
    this.#port = port;
    const receiverPort: ReceiverPort = {
      attach: (receiver, source, config) =>
        this.#ask(receiver, (mid) => ({ type: 'receiver-attach', mid, source, config })),
      configure: (receiver, config) =>
        this.#ask(receiver, (mid) => ({ type: 'receiver-config', mid, config })),
      detach: (receiver) => this.#ask(receiver, (mid) => ({ type: 'receiver-detach', mid })),
    };
    const make = (kind: MediaKind, count: number): Receiver[] =>
      Array.from({ length: count }, () => new Receiver(kind, receiverPort));
    this.receivers = [...make('video', shape.video), ...make('audio', shape.audio)];
    this.mixerSlots = Array.from({ length: shape.mixer }, () => new MixerSlot());
    for (const receiver of this.receivers) {
      receiver.on('source', () => listener.onReceiver('receiver-source', receiver));
      receiver.on('status', () => listener.onReceiver('receiver-status', receiver));
      receiver.on('layers', () => listener.onReceiver('receiver-layers', receiver));
    }
    for (const slot of this.mixerSlots) slot.on('source', () => listener.onMixerSlot(slot));
  }

  /** @returns A receiver that is attached to nothing. */
  free(kind: MediaKind): Receiver | undefined {
    return this.receivers.find((receiver) => receiver.kind === kind && receiver.source === undefined);
  }

  /** What to ask for on a new connection, so that every receiver shows again what it is attached to. */
  attachRequests(): SessionRequestBody[] {
    return this.receivers.flatMap((receiver): SessionRequestBody[] => {
      const { source, config } = receiver;
      const mid = this.#midOf(receiver);
      return source === undefined || mid === undefined
        ? []
        : [{ type: 'receiver-attach', mid, source, config }];
    });
  }

  /** Uses the slots of a new connection; undefined: the connection is gone. */
  bind(link: MediaLink | undefined): void {
    this.#link = link;
    for (const [index, receiver] of this.receivers.entries()) receiver.bind(link?.slots[index]);
    for (const [index, slot] of this.mixerSlots.entries())
      slot.bind(link?.slots[this.receivers.length + index]);
  }

  /** The session is over: every receiver is free again. */
  reset(): void {
    this.bind(undefined);
    for (const receiver of this.receivers) receiver.reset();
  }

  onNotice(notice: SlotNotice): void {
    const index = this.#link?.slots.findIndex(({ mid }) => mid === notice.mid) ?? -1;
    const receiver = this.receivers[index];
    switch (notice.type) {
      case 'receiver-status':
        receiver?.onStatus(notice.status, notice.reason);
        return;
      case 'receiver-layers':
        receiver?.onLayers({
          current: notice.current,
          target: notice.target,
          bitrateBps: notice.bitrateBps,
          reason: notice.reason,
        });
        return;
      case 'receiver-source':
        this.mixerSlots[index - this.receivers.length]?.onSource(notice.source ?? undefined);
        return;
    }
  }

  #midOf(receiver: Receiver): string | undefined {
    return this.#link?.slots[this.receivers.indexOf(receiver)]?.mid ?? undefined;
  }

  async #ask(receiver: Receiver, body: (mid: string) => SessionRequestBody): Promise<void> {
    const mid = this.#midOf(receiver);
    if (mid !== undefined) await this.#port.request(body(mid));
  }
}
