import { Event, RTCSctpTransport } from 'werift';
import type { DtlsSession } from './dtls-session.ts';

/** Most data channels of one client, longest label and longest message, bytes. */
const CHANNELS_MAX = 16;
const LABEL_MAX_BYTES = 64;
const MESSAGE_MAX_BYTES = 65_536;
const SCTP_PORT = 5000;

type DtlsTransport = Parameters<RTCSctpTransport['setDtlsTransport']>[0];

/** Data channels of one client (RFC 8831) through werift's SCTP over our DTLS. */
export class SctpChannel {
  readonly #dtls: { dataReceiver: (data: Buffer) => void; state: string };
  readonly #sctp = new RTCSctpTransport();
  #channels = 0;
  /** Messages that were malformed or beyond a limit. */
  refused = 0;

  constructor(session: DtlsSession, onText: (label: string, text: string) => void) {
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
    this.#sctp.onDataChannel.subscribe((channel) => {
      this.#channels += 1;
      if (this.#channels > CHANNELS_MAX || channel.label.length > LABEL_MAX_BYTES) {
        this.#refuse();
        channel.close();
        return;
      }
      channel.onMessage.subscribe((message: string | Buffer) => {
        if (typeof message === 'string' && message.length <= MESSAGE_MAX_BYTES)
          onText(channel.label, message);
        else this.#refuse();
      });
    });
  }

  /** DTLS is up. */
  start(): void {
    this.#dtls.state = 'connected';
    this.#sctp.start(SCTP_PORT).catch(() => this.#refuse());
  }

  /** Application data of DTLS. */
  input(data: Buffer): void {
    try {
      this.#dtls.dataReceiver(data);
    } catch {
      this.#refuse();
    }
  }

  close(): void {
    this.#sctp.stop().catch(() => this.#refuse());
  }

  #refuse(): void {
    this.refused += 1;
  }
}

/** Wraps a method of werift whose promise nobody waits for: a rejection would end the process. */
function guardRejections(target: object, method: string, refuse: () => void): void {
  const inner: unknown = Reflect.get(target, method);
  if (typeof inner !== 'function') throw new Error(`werift has no ${method}`);
  Reflect.set(target, method, async (...parameters: unknown[]) => {
    try {
      return await inner.apply(target, parameters);
    } catch {
      return refuse();
    }
  });
}
