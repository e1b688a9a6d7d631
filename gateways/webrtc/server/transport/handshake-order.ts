import { HANDSHAKE } from './dtls-record.ts';

/** What the other side sends after the hellos, in this order, each once; only the request for a certificate may lack. */
const FLIGHTS: Readonly<Record<'client' | 'server', readonly number[]>> = {
  client: [
    HANDSHAKE.serverHello,
    HANDSHAKE.certificate,
    HANDSHAKE.serverKeyExchange,
    HANDSHAKE.certificateRequest,
    HANDSHAKE.serverHelloDone,
    HANDSHAKE.finished,
  ],
  server: [
    HANDSHAKE.certificate,
    HANDSHAKE.clientKeyExchange,
    HANDSHAKE.certificateVerify,
    HANDSHAKE.finished,
  ],
};

/**
 * The order of a mutually authenticated DTLS 1.2 handshake (RFC 5246 §7.3) as one side receives it. Anything else is an
 * attack: a second ClientKeyExchange behind the victim's CertificateVerify would take over the victim's session. Pure.
 */
export class HandshakeOrder {
  readonly #flight: readonly number[];
  #at = 0;

  /** @param role Of the receiver. */
  constructor(role: 'client' | 'server') {
    this.#flight = FLIGHTS[role];
  }

  /** @returns Whether a message of `type` is next. */
  accept(type: number): boolean {
    if (this.#flight[this.#at] === HANDSHAKE.certificateRequest && type === HANDSHAKE.serverHelloDone)
      this.#at += 1;
    if (this.#flight[this.#at] !== type) return false;
    this.#at += 1;
    return true;
  }
}
