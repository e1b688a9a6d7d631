import { Event, type RTCDataChannel, RTCSctpTransport } from 'werift';
import type { DtlsSession } from './dtls-session.ts';
import { guardRejections } from './guard-rejections.ts';
import { isWellFormedSctp } from './is-well-formed-sctp.ts';

/** Most data channels of one client, longest label, and longest message each way, bytes. */
const CHANNELS_MAX = 16;
const LABEL_MAX_BYTES = 64;
export const DATA_MESSAGE_MAX_BYTES: number = 65_536;
/** Unsent messages of one channel, bytes: above it messages are not taken. */
const UNSENT_MAX_BYTES = 1_048_576;
/** Chunks of a stream, and sequence numbers of the association, that wait for an earlier one. */
const WAITING_CHUNKS_MAX = 512;
const WAITING_NUMBERS_MAX = 4096;
const SCTP_PORT = 5000;

type DtlsTransport = Parameters<RTCSctpTransport['setDtlsTransport']>[0];

export interface SctpListener {
  onText(label: string, text: string): void;
}

/**
 * Data channels of one client (RFC 8831) through werift's SCTP over our DTLS: reliable or not, ordered or not, as the
 * client opens them. Beyond its bounds the association ends; the call goes on.
 */
export class SctpChannel {
  readonly #dtls: { dataReceiver: (data: Buffer) => void; state: string };
  readonly #sctp = new RTCSctpTransport();
  readonly #channels = new Map<string, RTCDataChannel>();
  #opened = 0;
  #isShut = false;
  /** Messages that were malformed or beyond a limit. */
  refused = 0;

  constructor(session: DtlsSession, listener: SctpListener) {
    const dtls = {
      dataReceiver: (_data: Buffer): void => {},
      sendData: (data: Buffer): Promise<void> => session.send(data),
      iceTransport: { role: 'controlled' },
      onStateChange: new Event(),
      state: 'connecting',
    };
    this.#dtls = dtls;
    // What an authenticated client sends may still be malformed: werift rejects promises nobody waits for.
    guardRejections(this.#sctp, 'datachannelReceive', () => this.#refuse());
    this.#sctp.setDtlsTransport(dtls as unknown as DtlsTransport);
    guardRejections(this.#sctp.sctp, 'handleData', () => this.#refuse());
    this.#sctp.onDataChannel.subscribe((channel) => this.#onChannel(channel, listener));
  }

  /** DTLS is up. */
  start(): void {
    this.#dtls.state = 'connected';
    this.#sctp.start(SCTP_PORT).catch(() => this.#refuse());
  }

  /** Application data of DTLS. */
  input(data: Buffer): void {
    if (this.#isShut) return;
    if (!isWellFormedSctp(data)) {
      this.#refuse();
      return;
    }
    try {
      this.#dtls.dataReceiver(data);
    } catch {
      this.#refuse();
    }
    if (this.#exceedsBounds()) {
      this.#refuse();
      this.close();
    }
  }

  /** @returns false when there is no open channel of this label, or it takes no more now. */
  send(label: string, text: string): boolean {
    const channel = this.#channels.get(label);
    if (channel === undefined || this.#isShut || channel.readyState !== 'open') return false;
    if (channel.bufferedAmount > UNSENT_MAX_BYTES || text.length > DATA_MESSAGE_MAX_BYTES) return false;
    try {
      channel.send(text);
      return true;
    } catch {
      this.#refuse();
      return false;
    }
  }

  close(): void {
    if (this.#isShut) return;
    this.#isShut = true;
    this.#channels.clear();
    this.#sctp.stop().catch(() => this.#refuse());
  }

  #onChannel(channel: RTCDataChannel, { onText }: SctpListener): void {
    this.#opened += 1;
    const { label } = channel;
    if (this.#opened > CHANNELS_MAX || label.length > LABEL_MAX_BYTES) {
      this.#refuse();
      // werift opens it once more when this returns.
      queueMicrotask(() => channel.close());
      return;
    }
    this.#channels.set(label, channel);
    channel.stateChanged.subscribe((state) => {
      if (state !== 'closed' || this.#channels.get(label) !== channel) return;
      this.#channels.delete(label);
      this.#opened -= 1;
    });
    channel.onMessage.subscribe((message: string | Buffer) => {
      if (typeof message === 'string' && message.length <= DATA_MESSAGE_MAX_BYTES) onText(label, message);
      else this.#refuse();
    });
  }

  /** What werift keeps for a client that ignores the window, or leaves holes for ever. */
  #exceedsBounds(): boolean {
    const association: Association = this.#sctp.sctp as unknown as Association;
    const streams = Object.values(association.inboundStreams);
    return (
      association.advertisedRwnd < 0 ||
      association.sackMisOrdered.size > WAITING_NUMBERS_MAX ||
      streams.length > CHANNELS_MAX * 4 ||
      streams.some(({ reassembly }) => reassembly.length > WAITING_CHUNKS_MAX)
    );
  }

  #refuse(): void {
    this.refused += 1;
  }
}

/** What werift's association keeps of what came. */
interface Association {
  /** Bytes that may still come. */
  readonly advertisedRwnd: number;
  readonly sackMisOrdered: ReadonlySet<number>;
  readonly inboundStreams: Readonly<Record<number, { readonly reassembly: readonly unknown[] }>>;
}
