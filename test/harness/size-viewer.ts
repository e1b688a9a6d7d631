import { createCertificate } from '../../gateways/webrtc/server/transport/certificate.ts';
import { LoadTransport } from '../bench/load/load-transport.ts';

/** RTP header, extensions and the tag of SRTP. */
const OVERHEAD_MAX_BYTES = 100;

/** Watches by WHEP with a DTLS client of its own, and knows the size of what came. */
export class SizeViewer {
  readonly transport: LoadTransport;
  #packets: { readonly atMs: number; readonly bytes: number }[] = [];

  private constructor(transport: (onRtp: (datagram: Buffer) => void) => LoadTransport) {
    this.transport = transport((datagram) => {
      // 96 is VP8 in the offer: what repairs or pads has another type.
      if ((datagram[1] ?? 0) % 128 === 96)
        this.#packets.push({ atMs: performance.now(), bytes: datagram.length });
    });
  }

  static async watch(url: string): Promise<SizeViewer> {
    const certificate = await createCertificate();
    const viewer = new SizeViewer(
      (onRtp) =>
        new LoadTransport({
          url,
          direction: 'recvonly',
          video: true,
          audio: false,
          ssrcs: { video: 0, audio: 0 },
          certificate,
          transportCc: true,
          onRtp,
          onRtcp: () => {},
        }),
    );
    await viewer.transport.connect();
    return viewer;
  }

  /** What came in the last half second has all this payload, and is of `perSecond` frames a second. */
  hasOnly(payloadBytes: number, perSecond: number): boolean {
    const sinceMs = performance.now() - 500;
    this.#packets = this.#packets.filter(({ atMs }) => atMs >= sinceMs);
    const frames = this.#packets.length * 2;
    return (
      this.#packets.every(
        ({ bytes }) => bytes >= payloadBytes && bytes <= payloadBytes + OVERHEAD_MAX_BYTES,
      ) && Math.abs(frames - perSecond) <= perSecond / 3
    );
  }

  get sizes(): string {
    return this.#packets.map(({ bytes }) => bytes).join(' ');
  }
}
