import { type Endpoint, Engine, type EngineOutput, type Fabric, TICK_MS } from '@switchyard/core/engine';
import type { MediaPacket } from '@switchyard/shared/media';
import type { ClientKind, EndpointControl, ProtocolError } from '@switchyard/shared/protocol';
import type { EngineInputs } from './gateway-server.ts';

/** The engine's clock: Unix milliseconds that never step back. */
export const now = (): number => performance.timeOrigin + performance.now();

/** The run loop: gives the engine its clock and its only timer. */
export class MediaCore implements EngineInputs {
  readonly engine: Engine;
  /** Called with each estimate of a viewer's link, bits per second. */
  onEstimate: (bitrateBps: number) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  /** @param session Name of this process, unique among those that share the fabric. */
  constructor(output: EngineOutput, fabric: Fabric, session: string) {
    this.engine = new Engine(output, fabric, session);
  }

  start(): void {
    this.#timer = setInterval(() => {
      const nowMs = now();
      if (nowMs >= this.engine.nextDeadlineMs) this.engine.handleTick(nowMs);
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  openEndpoint(endpoint: number, client: ClientKind, gateway: string, address: string | undefined): void {
    this.engine.openEndpoint(endpoint, client, gateway, address, now());
  }

  closeEndpoint(endpoint: number): void {
    this.engine.closeEndpoint(endpoint, now());
  }

  handleControl(endpoint: number, control: EndpointControl): void {
    if (control.type === 'egress-estimate') this.onEstimate(control.bitrateBps);
    this.engine.handleControl(endpoint, control, now());
  }

  handleMedia(endpoint: number, track: number, packet: MediaPacket): void {
    this.engine.handleMedia(endpoint, track, packet, now());
  }

  /** Ends sessions from this side; their clients are told why. */
  end(endpoints: Iterable<Endpoint>, error: ProtocolError): void {
    for (const endpoint of [...endpoints]) this.engine.kick(endpoint, error, now());
  }
}
