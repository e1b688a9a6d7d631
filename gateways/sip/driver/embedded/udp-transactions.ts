import type { SipFlow } from './sip-flow.ts';
import type { MessageFacts } from './sip-scan.ts';

/** Timers of RFC 3261 §17 (table 4), milliseconds. */
const T1_MS = 500;
const T2_MS = 4000;
const LIFETIME_MS = 64 * T1_MS;
/** Most transactions that are remembered; above it the oldest are forgotten. */
const TRANSACTIONS_MAX = 20_000;

interface ServerTransaction {
  readonly flow: SipFlow;
  readonly startedMs: number;
  response: string | undefined;
  isFinalInvite: boolean;
  /** Timer G. */
  retryMs: number;
  nextMs: number;
  acknowledged: boolean;
}

interface ClientTransaction {
  readonly flow: SipFlow;
  readonly request: string;
  readonly isInvite: boolean;
  readonly startedMs: number;
  provisional: boolean;
  retryMs: number;
  nextMs: number;
}

const serverKey = (facts: MessageFacts, method: string): string =>
  `${facts.branch}|${facts.sentBy}|${method}`;
const clientKey = (branch: string, method: string): string => `${branch}|${method}`;

/** What sip.js leaves out over UDP: absorbing repeated requests, repeating ours and our final answers. Pure: time is an argument. */
export class UdpTransactions {
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clients = new Map<string, ClientTransaction>();

  get size(): number {
    return this.#servers.size + this.#clients.size;
  }

  /** A request came in. @returns false when it is a repetition, which has been answered here. */
  requestReceived(facts: MessageFacts, flow: SipFlow, nowMs: number): boolean {
    if (facts.method === 'ACK') {
      const invite = this.#servers.get(serverKey(facts, 'INVITE'));
      // The ACK of a refusal belongs to its transaction; that of a 200 to the dialog (§17.1.1.3).
      if (invite?.isFinalInvite === true) invite.acknowledged = true;
      return true;
    }
    const key = serverKey(facts, facts.method ?? '');
    const known = this.#servers.get(key);
    if (known !== undefined) {
      if (known.response !== undefined) known.flow.send(known.response);
      return false;
    }
    this.#bound(this.#servers);
    this.#servers.set(key, {
      flow,
      startedMs: nowMs,
      response: undefined,
      isFinalInvite: false,
      retryMs: T1_MS,
      nextMs: Number.POSITIVE_INFINITY,
      acknowledged: false,
    });
    return true;
  }

  /** A response leaves. @returns The flow that its request came on. */
  responseSent(facts: MessageFacts, response: string, nowMs: number): SipFlow | undefined {
    const transaction = this.#servers.get(serverKey(facts, facts.cseqMethod));
    if (transaction === undefined) return undefined;
    transaction.response = response;
    if (facts.cseqMethod === 'INVITE' && (facts.status ?? 0) >= 300 && !transaction.flow.reliable) {
      transaction.isFinalInvite = true;
      transaction.nextMs = nowMs + T1_MS;
    }
    return transaction.flow;
  }

  /** A request of ours leaves over UDP. */
  requestSent(facts: MessageFacts, request: string, flow: SipFlow, nowMs: number): void {
    if (flow.reliable || facts.method === 'ACK') return;
    this.#bound(this.#clients);
    this.#clients.set(clientKey(facts.branch, facts.cseqMethod), {
      flow,
      request,
      isInvite: facts.method === 'INVITE',
      startedMs: nowMs,
      provisional: false,
      retryMs: T1_MS,
      nextMs: nowMs + T1_MS,
    });
  }

  responseReceived(facts: MessageFacts): void {
    const key = clientKey(facts.branch, facts.cseqMethod);
    if ((facts.status ?? 0) >= 200) this.#clients.delete(key);
    else {
      const client = this.#clients.get(key);
      if (client !== undefined) client.provisional = true;
    }
  }

  tick(nowMs: number): void {
    for (const [key, server] of this.#servers) {
      if (nowMs - server.startedMs > LIFETIME_MS) this.#servers.delete(key);
      else if (nowMs >= server.nextMs && !server.acknowledged && server.response !== undefined) {
        server.flow.send(server.response);
        server.retryMs = Math.min(T2_MS, server.retryMs * 2);
        server.nextMs = nowMs + server.retryMs;
      }
    }
    for (const [key, client] of this.#clients) {
      if (nowMs - client.startedMs > LIFETIME_MS || (client.isInvite && client.provisional))
        this.#clients.delete(key);
      else if (nowMs >= client.nextMs) {
        client.flow.send(client.request);
        client.retryMs = client.isInvite ? client.retryMs * 2 : Math.min(T2_MS, client.retryMs * 2);
        client.nextMs = nowMs + client.retryMs;
      }
    }
  }

  #bound(map: Map<string, unknown>): void {
    if (map.size < TRANSACTIONS_MAX) return;
    const oldest = map.keys().next();
    if (oldest.done !== true) map.delete(oldest.value);
  }
}
