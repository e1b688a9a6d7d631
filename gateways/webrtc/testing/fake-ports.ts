import { readFileSync } from 'node:fs';
import type { MediaPacket } from '@switchyard/shared/media';
import {
  type ClientKind,
  type EndpointControl,
  type EndpointEvent,
  type EndpointId,
  endpointId,
  type FanoutFrame,
  type IceServer,
  type ProtocolError,
  type SessionMessage,
  type TrackId,
} from '@switchyard/shared/protocol';
import {
  type AccessControl,
  type CorePort,
  createAccessControl,
  type EndpointListener,
  type LinkEndpoint,
} from '@switchyard/shared/runtime';
import type {
  IceCredentials,
  NegotiatedSession,
  PeerListener,
  PeerTransport,
  ServerCandidate,
  TransportFactory,
} from '../server/peer-contract.ts';
import { PlayoutDelays } from '../server/session/playout-delays.ts';
import type { SessionEnvironment } from '../server/session/session-environment.ts';

/** A real offer of `test/vectors/sdp`. */
export const offerVector = (name: string): string =>
  readFileSync(new URL(`../../../test/vectors/sdp/${name}.sdp`, import.meta.url), 'utf8');

/** Records what a session asks of the core; replies as told. */
export class FakeEndpoint implements LinkEndpoint {
  readonly id: EndpointId;
  readonly client: ClientKind;
  readonly controls: EndpointControl[] = [];
  readonly packets: { track: TrackId; seq: number }[] = [];
  /** Refusals by type of control. */
  readonly refusals = new Map<EndpointControl['type'], ProtocolError>();
  closed = false;
  readonly #listener: EndpointListener;

  constructor(id: number, client: ClientKind, listener: EndpointListener) {
    this.id = endpointId(id);
    this.client = client;
    this.#listener = listener;
  }

  control(control: EndpointControl): void {
    this.controls.push(control);
  }

  async request(control: EndpointControl): Promise<ProtocolError | undefined> {
    this.controls.push(control);
    await Promise.resolve();
    return this.refusals.get(control.type);
  }

  media(track: TrackId, packet: MediaPacket): void {
    this.packets.push({ track, seq: packet.seq });
  }

  close(): void {
    this.closed = true;
  }

  emit(event: EndpointEvent): void {
    this.#listener.onEvent(event);
  }

  /** Controls of one type. */
  of<Type extends EndpointControl['type']>(type: Type): Extract<EndpointControl, { type: Type }>[] {
    return this.controls.filter(
      (each): each is Extract<EndpointControl, { type: Type }> => each.type === type,
    );
  }
}

export class FakeCore implements CorePort {
  connected = true;
  readonly endpoints: FakeEndpoint[] = [];
  /** Refusals that endpoints opened from now on start with. */
  readonly refusals = new Map<EndpointControl['type'], ProtocolError>();
  onFanout: (frame: FanoutFrame) => void = () => {};

  openEndpoint(client: ClientKind, _address: string | undefined, listener: EndpointListener): FakeEndpoint {
    const endpoint = new FakeEndpoint(this.endpoints.length + 1, client, listener);
    for (const [type, error] of this.refusals) endpoint.refusals.set(type, error);
    this.endpoints.push(endpoint);
    return endpoint;
  }

  get last(): FakeEndpoint {
    const endpoint = this.endpoints.at(-1);
    if (endpoint === undefined) throw new Error('no endpoint was opened');
    return endpoint;
  }
}

export class FakeTransport implements PeerTransport {
  credentials: IceCredentials = { ufrag: 'server01', password: 'serverserverserverserver' };
  connected = false;
  closed = false;
  restarts = 0;
  readonly applied: NegotiatedSession[] = [];
  readonly bound: { mid: string; endpoint: number; track: number }[] = [];
  readonly keyframes: { mid: string; spatial: number }[] = [];
  readonly limits: number[] = [];
  readonly demands: { currentBps: number; desiredBps: number }[] = [];
  readonly playoutDelays: { minMs: number; maxMs: number }[] = [];
  readonly listener: PeerListener;

  constructor(listener: PeerListener) {
    this.listener = listener;
  }

  apply(session: NegotiatedSession): void {
    this.applied.push(session);
  }

  restartIce(): IceCredentials {
    this.restarts += 1;
    this.credentials = { ufrag: `server0${this.restarts + 1}`, password: 'serverserverserverserver' };
    return this.credentials;
  }

  bindSlot(mid: string, endpoint: EndpointId, track: TrackId): void {
    this.bound.push({ mid, endpoint, track });
  }

  requestKeyframe(mid: string, spatial: number): void {
    this.keyframes.push({ mid, spatial });
  }

  setPlayoutDelay(minMs: number, maxMs: number): void {
    this.playoutDelays.push({ minMs, maxMs });
  }

  setDemand(currentBps: number, desiredBps: number): void {
    this.demands.push({ currentBps, desiredBps });
  }

  sendData(): boolean {
    return false;
  }

  limitIngress(bitrateBps: number): void {
    this.limits.push(bitrateBps);
  }

  close(): void {
    this.closed = true;
  }
}

export class FakeTransports implements TransportFactory {
  readonly fingerprint: TransportFactory['fingerprint'] = { algorithm: 'sha-256', value: 'AB:CD' };
  readonly candidates: readonly ServerCandidate[] = [
    { address: '127.0.0.1', port: 18200, priority: 2_130_706_431, transport: 'udp' },
  ];
  readonly peers: FakeTransport[] = [];

  createPeer(listener: PeerListener): FakeTransport {
    const peer = new FakeTransport(listener);
    this.peers.push(peer);
    return peer;
  }

  get last(): FakeTransport {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('no peer was created');
    return peer;
  }
}

/** A session's world in memory, with a clock that stands still until told. */
export class FakeEnvironment implements SessionEnvironment {
  readonly core: FakeCore = new FakeCore();
  readonly transports: FakeTransports = new FakeTransports();
  access: AccessControl = createAccessControl([]);
  playoutDelays: PlayoutDelays = new PlayoutDelays(['slow=200-400']);
  clockMs = 0;
  maxReceivers = 64;
  servers: readonly IceServer[] = [];
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  #count = 0;

  iceServers(): readonly IceServer[] {
    return this.servers;
  }

  nowMs(): number {
    return this.clockMs;
  }

  /** Timers that run still. */
  get timerCount(): number {
    return this.#timers.size;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.clockMs + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock on, and runs what becomes due on the way. */
  advance(ms: number): void {
    const endMs = this.clockMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.clockMs = Math.max(this.clockMs, due.atMs);
      due.run();
    }
    this.clockMs = endMs;
  }

  newSsrc(): number {
    this.#count += 1;
    return this.#count;
  }

  newToken(): string {
    this.#count += 1;
    return `token-${this.#count}`;
  }

  newSuffix(length: number): string {
    this.#count += 1;
    return String(this.#count).padStart(length, '0');
  }
}

/** The SDK's end of a session. */
export class FakeClient {
  readonly messages: SessionMessage[] = [];
  closedWith: string | undefined;

  send(message: SessionMessage): void {
    this.messages.push(message);
  }

  close(reason: string): void {
    this.closedWith = reason;
  }

  get last(): SessionMessage | undefined {
    return this.messages.at(-1);
  }
}

/** Lets every promise that can settle do so. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
