import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
  useSdesMid,
  useTransportWideCC,
} from 'werift';

const FRAME_MS = 33;
const VIDEO_CLOCK_MS = 90;
const FEEDBACK = ['nack', 'nack pli', 'goog-remb', 'transport-cc'].map((each) => {
  const [type = '', parameter] = each.split(' ');
  return parameter === undefined ? { type } : { type, parameter };
});

/** A frame of one packet: VP8's descriptor and frame header, and the number of the frame. */
function vp8Frame(number: number, keyframe: boolean): Buffer {
  const payload = Buffer.alloc(400);
  payload.set([0x10, keyframe ? 0 : 1, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0]);
  payload.writeUInt32BE(number, 12);
  return payload;
}

/**
 * A WHIP or WHEP client that is not of this project: werift's own RTCPeerConnection, with its SDP, ICE, DTLS, SRTP and
 * repairs. It sends and takes VP8 frames that carry their number.
 */
export class WeriftPeer {
  readonly #pc: RTCPeerConnection;
  readonly #track = new MediaStreamTrack({ kind: 'video' });
  #resource: URL | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #keyframeWanted = true;
  /** Publisher: requests for a keyframe that came. */
  keyframeRequests = 0;
  /** Viewer: the numbers of the frames that came, each once. */
  readonly frames = new Set<number>();
  /** Viewer: those of them that are keyframes. */
  readonly keyframes = new Set<number>();

  constructor() {
    this.#pc = new RTCPeerConnection({
      codecs: {
        video: [
          new RTCRtpCodecParameters({ mimeType: 'video/VP8', clockRate: 90_000, rtcpFeedback: FEEDBACK }),
          new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000 }),
        ],
      },
      headerExtensions: { video: [useSdesMid(), useTransportWideCC()] },
    });
  }

  /** Sends 30 frames a second to a WHIP address. */
  async publish(url: string): Promise<void> {
    const { sender } = this.#pc.addTransceiver(this.#track, { direction: 'sendonly' });
    sender.onPictureLossIndication.subscribe(() => {
      this.keyframeRequests += 1;
      this.#keyframeWanted = true;
    });
    await this.#exchange(url, (answer) => answer);
    this.#timer = setInterval(() => this.#sendFrame(), FRAME_MS);
  }

  /** @param mediaPort Where media goes through on 127.0.0.1, instead of where the answer says. */
  async watch(url: string, mediaPort?: number): Promise<void> {
    this.#pc.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(({ payload }) => this.#take(payload)));
    this.#pc.addTransceiver('video', { direction: 'recvonly' });
    await this.#exchange(url, (answer) =>
      mediaPort === undefined
        ? answer
        : answer
            .replace(/a=candidate:(?!1 ).*\r\n/g, '')
            .replace(/^(a=candidate:1 1 udp \d+) \S+ \d+/m, `$1 127.0.0.1 ${mediaPort}`),
    );
  }

  /** Viewer: asks for a keyframe (PLI). */
  async requestKeyframe(): Promise<void> {
    const [receiver] = this.#pc.getReceivers();
    const ssrc = receiver?.tracks[0]?.ssrc;
    if (ssrc !== undefined) await receiver?.sendRtcpPLI(ssrc);
  }

  /** Ends the session at the server, then here. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#resource !== undefined) await fetch(this.#resource, { method: 'DELETE' });
    await this.#pc.close();
  }

  async #exchange(url: string, change: (answer: string) => string): Promise<void> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: this.#pc.localDescription?.sdp ?? '',
    });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${answer}`);
    this.#resource = new URL(response.headers.get('location') ?? '', url);
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: change(answer) });
  }

  #sendFrame(): void {
    if (this.#pc.connectionState !== 'connected') return;
    const number = this.#sent;
    this.#sent += 1;
    const header = new RtpHeader({
      payloadType: 96,
      sequenceNumber: number & 0xffff,
      timestamp: (number * FRAME_MS * VIDEO_CLOCK_MS) >>> 0,
      marker: true,
    });
    this.#track.writeRtp(new RtpPacket(header, vp8Frame(number, this.#keyframeWanted)));
    this.#keyframeWanted = false;
  }

  #take(payload: Buffer): void {
    // The server's descriptor may be longer than the publisher's; the frame's header says where the number is.
    const start = payload.indexOf(Buffer.from([0x9d, 0x01, 0x2a]));
    if (start < 3) return;
    const number = payload.readUInt32BE(start + 8);
    this.frames.add(number);
    if (((payload[start - 3] ?? 1) & 1) === 0) this.keyframes.add(number);
  }
}
