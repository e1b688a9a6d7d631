import type { MediaLink, MediaSlot, PoolShape } from './media-link.ts';
import { MixerSlot } from './mixer-slot.ts';
import type { MediaKind, SessionRequestBody } from './protocol.ts';
import { Receiver, type ReceiverPort } from './receiver.ts';
import type { SessionNotice } from './signaling.ts';

export interface PoolPort {
  /** @throws SwitchyardError */
  request(body: SessionRequestBody): Promise<void>;
}

export interface PoolListener {
  onReceiver(
    event: 'receiver-added' | 'receiver-source' | 'receiver-status' | 'receiver-layers',
    receiver: Receiver,
  ): void;
  onMixerSlot(slot: MixerSlot): void;
}

type SlotNotice = Extract<SessionNotice, { type: 'receiver-status' | 'receiver-layers' | 'receiver-source' }>;

/** The receive slots of a session, and which m-line of the current connection each of them is. */
export class ReceiverPool {
  readonly mixerSlots: readonly MixerSlot[];
  readonly #port: ReceiverPort;
  readonly #listener: PoolListener;
  #receivers: readonly Receiver[] = [];
  #slots = new Map<Receiver | MixerSlot, MediaSlot>();

  constructor(shape: PoolShape, port: PoolPort, listener: PoolListener) {
    this.#listener = listener;
    const ask = async (receiver: Receiver, body: (mid: string) => SessionRequestBody): Promise<void> => {
      const mid = this.#midOf(receiver);
      if (mid !== undefined) await port.request(body(mid));
    };
    this.#port = {
      attach: (receiver, source, config) =>
        ask(receiver, (mid) => ({ type: 'receiver-attach', mid, source, config })),
      configure: (receiver, config) => ask(receiver, (mid) => ({ type: 'receiver-config', mid, config })),
      detach: (receiver) => ask(receiver, (mid) => ({ type: 'receiver-detach', mid })),
    };
    for (const kind of ['video', 'audio'] as const)
      this.#receivers = [...this.#receivers, ...this.#make(kind, shape[kind])];
    this.mixerSlots = Array.from({ length: shape.mixer }, () => new MixerSlot());
    for (const slot of this.mixerSlots) slot.on('source', () => listener.onMixerSlot(slot));
  }

  get receivers(): readonly Receiver[] {
    return this.#receivers;
  }

  /** @returns A receiver that is attached to nothing. */
  free(kind: MediaKind): Receiver | undefined {
    return this.#receivers.find((receiver) => receiver.kind === kind && receiver.source === undefined);
  }

  /** @param slots m-lines of the current connection for them, negotiated; none where the next connection has to bring them. */
  add(kind: MediaKind, count: number, slots: readonly MediaSlot[]): void {
    const added = this.#make(kind, count);
    this.#receivers = [...this.#receivers, ...added];
    for (const [index, receiver] of added.entries()) this.#use(receiver, slots[index]);
    for (const receiver of added) this.#listener.onReceiver('receiver-added', receiver);
  }

  /** What to ask for on a new connection, so that every receiver shows again what it is attached to. */
  attachRequests(): SessionRequestBody[] {
    return this.#receivers.flatMap((receiver): SessionRequestBody[] => {
      const { source, config } = receiver;
      const mid = this.#midOf(receiver);
      return source === undefined || mid === undefined
        ? []
        : [{ type: 'receiver-attach', mid, source, config }];
    });
  }

  /** Adds its m-lines to a new connection, before the first offer; undefined: the connection is gone. */
  bind(link: MediaLink | undefined): void {
    this.#slots = new Map();
    for (const receiver of this.#receivers) this.#use(receiver, link?.addSlot(receiver.kind, 'manual'));
    for (const slot of this.mixerSlots) this.#use(slot, link?.addSlot('audio', 'mixer'));
  }

  /** The session is over: every receiver is free again. */
  reset(): void {
    this.bind(undefined);
    for (const receiver of this.#receivers) receiver.reset();
  }

  onNotice(notice: SlotNotice): void {
    const target = [...this.#slots].find(([, { mid }]) => mid === notice.mid)?.[0];
    if (target === undefined) return;
    if (target instanceof MixerSlot) {
      if (notice.type === 'receiver-source') target.onSource(notice.source ?? undefined);
    } else if (notice.type === 'receiver-status') {
      target.onStatus(notice.status, notice.reason);
    } else if (notice.type === 'receiver-layers') {
      const { current, target: aim, bitrateBps, reason } = notice;
      target.onLayers({ current, target: aim, bitrateBps, reason });
    }
  }

  #make(kind: MediaKind, count: number): Receiver[] {
    return Array.from({ length: count }, () => {
      const receiver = new Receiver(kind, this.#port);
      receiver.on('source', () => this.#listener.onReceiver('receiver-source', receiver));
      receiver.on('status', () => this.#listener.onReceiver('receiver-status', receiver));
      receiver.on('layers', () => this.#listener.onReceiver('receiver-layers', receiver));
      return receiver;
    });
  }

  #use(target: Receiver | MixerSlot, slot: MediaSlot | undefined): void {
    if (slot !== undefined) this.#slots.set(target, slot);
    target.bind(slot);
  }

  #midOf(receiver: Receiver): string | undefined {
    return this.#slots.get(receiver)?.mid ?? undefined;
  }
}
