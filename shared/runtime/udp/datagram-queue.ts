import type { Socket } from 'node:dgram';
import { BURST_MAX, BurstAddress, DatagramBurst } from './datagram-burst.ts';
import type { UdpBursts } from './open-udp-bursts.ts';
import type { UdpSocket } from './open-udp-socket.ts';
import { socketAddress } from './socket-address.ts';

/** Room of one datagram: a whole Ethernet frame. */
const ROOM_BYTES = 1536;

/** Who gets datagrams of a {@link DatagramQueue}; of one queue only. */
export interface DatagramTarget {
  readonly host: string;
  readonly port: number;
  /** Undefined where bursts do not get there. */
  readonly burst: BurstAddress | undefined;
}

/** @param host An IP address. */
export function datagramTarget(host: string, port: number): DatagramTarget {
  const bytes = socketAddress(host, port);
  return { host, port, burst: bytes === undefined ? undefined : new BurstAddress(bytes) };
}

/** Copies datagrams, and sends those of one turn of the event loop together; one by one where there are no bursts. */
export class DatagramQueue {
  readonly #socket: Socket;
  readonly #fd: number;
  readonly #burst: DatagramBurst | undefined;
  readonly #memory: Buffer;
  readonly #targets: DatagramTarget[] = [];
  readonly #lengths = new Int32Array(BURST_MAX);
  #scheduled = false;
  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };
  readonly #onUntaken = (index: number): void => {
    const target = this.#targets[index];
    const at = index * ROOM_BYTES;
    if (target !== undefined)
      this.#sendAlone(Buffer.from(this.#memory.subarray(at, at + (this.#lengths[index] ?? 0))), target);
  };

  constructor({ socket, fd }: UdpSocket, bursts: UdpBursts | undefined) {
    this.#socket = socket;
    this.#fd = fd ?? -1;
    const hasBursts = bursts !== undefined && fd !== undefined;
    this.#memory = Buffer.allocUnsafeSlow(hasBursts ? BURST_MAX * ROOM_BYTES : 0);
    this.#burst = hasBursts ? new DatagramBurst(bursts.calls, this.#memory, bursts.merges) : undefined;
  }

  /** Hot path. What cannot be sent is lost, as on any way. */
  send(datagram: Uint8Array, target: DatagramTarget): void {
    const burst = this.#burst;
    if (burst === undefined || target.burst === undefined || datagram.length > ROOM_BYTES) {
      this.#sendAlone(datagram, target);
      return;
    }
    const index = burst.count;
    this.#memory.set(datagram, index * ROOM_BYTES);
    this.#targets[index] = target;
    this.#lengths[index] = datagram.length;
    burst.add(target.burst, index * ROOM_BYTES, datagram.length, index);
    if (burst.count === BURST_MAX) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#onTurn);
    }
  }

  /** Sends what was handed in; to be called before the socket is closed. */
  flush(): void {
    if (this.#burst === undefined || this.#burst.count === 0) return;
    this.#burst.flush(this.#fd, this.#onUntaken);
  }

  #sendAlone(datagram: Uint8Array, { port, host }: DatagramTarget): void {
    // Without a callback nothing waits for the next tick.
    this.#socket.send(datagram, port, host);
  }
}
