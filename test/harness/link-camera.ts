import { emptyMediaPacket } from '@switchyard/shared/media';
import { ALL_PERMISSIONS, trackId } from '@switchyard/shared/protocol';
import { CoreLink, createLogger, type LinkEndpoint } from '@switchyard/shared/runtime';
import { waitFor } from './wait.ts';

const TRACK = trackId(1);
const RIDS = ['l', 'm', 'h'] as const;

export const CAMERA_FRAMES_PER_SECOND = 30;

/** Publishes encodings of two temporal layers straight into the core, with a keyframe for every request. */
export class LinkCamera {
  readonly #link: CoreLink;
  readonly #endpoint: LinkEndpoint;
  readonly #payloadBytes: readonly number[];
  readonly #keyframe: boolean[];
  #frames = 0;
  #timer: NodeJS.Timeout | undefined;
  /** False: nothing comes, and nobody is told. */
  flows = true;

  /**
   * @param socket Unix socket of the core.
   * @param payloadBytes Payload of every packet of each encoding, lowest first: by its size one knows it again.
   */
  constructor(socket: string, payloadBytes: readonly number[]) {
    this.#payloadBytes = payloadBytes;
    this.#keyframe = payloadBytes.map(() => true);
    this.#link = new CoreLink({
      target: { path: socket },
      kind: 'webrtc',
      logger: createLogger('test', 'silent'),
    });
    this.#link.start();
    this.#endpoint = this.#link.openEndpoint('whip', undefined, {
      onEvent: (event) => {
        if (event.type === 'remote-track-keyframe-request') this.#keyframe[event.spatial] = true;
      },
    });
  }

  /** @throws when the core refuses it. */
  async publish(room: string, peer: string): Promise<void> {
    await waitFor('the camera is attached', () => this.#link.connected);
    const error = await this.#endpoint.request({
      type: 'join',
      app: 'default',
      room,
      peer,
      publish: { peer: true, tracks: true },
      subscribe: { peers: false, tracks: false },
      permissions: ALL_PERMISSIONS,
      replace: false,
    });
    if (error !== undefined) throw new Error(`the camera may not join: ${error.code}`);
    this.start();
    this.#timer = setInterval(() => this.#frame(), 1000 / CAMERA_FRAMES_PER_SECOND);
  }

  start(): void {
    const layers = RIDS.slice(0, this.#payloadBytes.length).map((rid) => ({ rid }));
    this.#endpoint.control({
      type: 'remote-track-start',
      track: TRACK,
      info: { name: 'video_main', kind: 'video', codec: 'vp8', layers },
    });
  }

  /** The track ends; the camera stays. */
  stop(): void {
    this.#endpoint.control({ type: 'remote-track-stop', track: TRACK });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#endpoint.close();
    await this.#link.close();
  }

  #frame(): void {
    if (!this.flows) return;
    this.#frames += 1;
    for (const [spatial, bytes] of this.#payloadBytes.entries()) {
      const packet = emptyMediaPacket('vp8');
      packet.keyframe = this.#keyframe[spatial] === true;
      this.#keyframe[spatial] = false;
      packet.seq = this.#frames & 0xffff;
      packet.timestamp = (this.#frames * 3000) >>> 0;
      packet.captureMs = performance.timeOrigin + performance.now();
      packet.spatial = spatial;
      packet.temporal = packet.keyframe ? 0 : this.#frames % 2;
      packet.switchingPoint = true;
      packet.frameStart = true;
      packet.frameEnd = true;
      packet.marker = true;
      packet.payload = new Uint8Array(bytes);
      // Descriptor and header of RFC 7741: nobody decodes this.
      packet.payload.set([0x10, packet.keyframe ? 0 : 1, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0]);
      this.#endpoint.media(TRACK, packet);
    }
  }
}
