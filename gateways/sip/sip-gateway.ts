import { randomBytes } from 'node:crypto';
import { ERROR_CODES, emptyFanoutTarget, type FanoutFrame } from '@switchyard/shared/protocol';
import { type AccessControl, type CorePort, type Logger, waitUntil } from '@switchyard/shared/runtime';
import { Call, type CallHome } from './call.ts';
import type { IncomingCall, SipDriver } from './driver/sip-driver.ts';
import { MediaThread } from './media/media-thread.ts';
import type { AudioTarget } from './media/worker-messages.ts';

/** Most calls of the process; above it a phone hears that it is busy. */
export const CALLS_MAX: number = 500;

export interface SipGatewayOptions {
  readonly core: CorePort;
  readonly access: AccessControl;
  readonly driver: SipDriver;
  readonly logger: Logger;
  /** RTP is received on this address… */
  readonly mediaHost: string;
  /** …and this one is told to phones. */
  readonly mediaAddress: string;
  readonly rtpPortMin: number;
  readonly rtpPortMax: number;
}

/** Every call of the process, and the way of audio between the core and the media thread. */
export class SipGateway implements CallHome {
  readonly core: CorePort;
  readonly access: AccessControl;
  readonly media: MediaThread;
  readonly logger: Logger;
  readonly mediaAddress: string;
  readonly #driver: SipDriver;
  readonly #calls = new Set<Call>();
  readonly #byEndpoint = new Map<number, Call>();
  readonly #target = emptyFanoutTarget();
  #nextCall = 1;
  #isDraining = false;

  constructor({
    core,
    access,
    driver,
    logger,
    mediaHost,
    mediaAddress,
    rtpPortMin,
    rtpPortMax,
  }: SipGatewayOptions) {
    this.core = core;
    this.access = access;
    this.logger = logger;
    this.mediaAddress = mediaAddress;
    this.#driver = driver;
    const data = { host: mediaHost, portMin: rtpPortMin, portMax: rtpPortMax };
    // Without media no call makes sense: the process ends and is started again.
    this.media = new MediaThread(data, logger, () => process.exit(1));
    core.onFanout = (frame) => this.#play(frame);
  }

  get callCount(): number {
    return this.#calls.size;
  }

  async start(): Promise<void> {
    await this.#driver.start({ onCall: (incoming) => this.#onCall(incoming) });
  }

  /** No new calls; those that are open may go on for `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    await waitUntil(() => this.#calls.size === 0, timeoutMs);
  }

  /** Says BYE to every phone. */
  async stop(): Promise<void> {
    for (const call of [...this.#calls]) call.hangup();
    // BYE is on its way: one turn for the sockets.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await this.#driver.stop();
    await this.media.stop();
  }

  newSuffix(length: number): string {
    return randomBytes(length).toString('hex').slice(0, length);
  }

  nowMs(): number {
    return performance.timeOrigin + performance.now();
  }

  gone(call: Call): void {
    this.#calls.delete(call);
    if (call.endpointId !== undefined) this.#byEndpoint.delete(call.endpointId);
  }

  #onCall(incoming: IncomingCall): void {
    if (this.#isDraining) {
      const { sipStatus, sentence } = ERROR_CODES.draining;
      incoming.reject(sipStatus, sentence);
      return;
    }
    if (this.#calls.size >= CALLS_MAX) {
      incoming.reject(503, 'Too Many Calls');
      return;
    }
    const call = new Call(this.#nextCall++, incoming, this);
    this.#calls.add(call);
    call.accept().then(
      () => {
        if (call.endpointId !== undefined && this.#calls.has(call))
          this.#byEndpoint.set(call.endpointId, call);
      },
      (error: unknown) => {
        this.logger.error({ err: error }, 'a call failed');
        call.hangup();
      },
    );
  }

  /** Hot path: one Opus packet of the core to every call that hears it. */
  #play(frame: FanoutFrame): void {
    const targets: AudioTarget[] = [];
    for (let i = 0; i < frame.targetCount; i += 1) {
      frame.readTarget(i, this.#target);
      const call = this.#byEndpoint.get(this.#target.endpoint);
      if (call !== undefined && !this.#target.empty)
        targets.push({ call: call.id, slot: this.#target.track, timestamp: this.#target.timestamp });
    }
    if (targets.length > 0) this.media.play(frame.packet.payload, targets);
  }
}
