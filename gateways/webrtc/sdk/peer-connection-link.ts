import type { Encoding } from './encodings.ts';
import type {
  MediaLink,
  MediaLinkOptions,
  MediaSender,
  MediaSenderPlan,
  MediaSlot,
  MediaState,
  OpenMediaLink,
} from './media-link.ts';
import type { Codec } from './protocol.ts';
import { SwitchyardError } from './switchyard-error.ts';

/** {@link MediaLink} on the browser's RTCPeerConnection. */
class PeerConnectionLink implements MediaLink {
  readonly #connection: RTCPeerConnection;
  readonly #slots: MediaSlot[] = [];

  constructor({ iceServers, onState }: MediaLinkOptions) {
    const connection = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: iceServers.map((server) => ({ ...server, urls: [...server.urls] })),
    });
    this.#connection = connection;
    connection.onconnectionstatechange = () => {
      const state = mediaState(connection.connectionState);
      if (state !== undefined) onState(state);
    };
  }

  get slots(): readonly MediaSlot[] {
    return this.#slots;
  }

  addSlot(kind: MediaSlot['kind'], use: MediaSlot['use']): MediaSlot {
    const transceiver = this.#connection.addTransceiver(kind, { direction: 'recvonly' });
    if (kind === 'video') askForDescriptors(transceiver);
    const slot: MediaSlot = {
      kind,
      use,
      get mid() {
        return transceiver.mid;
      },
      track: transceiver.receiver.track,
      stop: () => {
        this.#slots.splice(this.#slots.indexOf(slot), 1);
        this.#stop(transceiver);
      },
    };
    this.#slots.push(slot);
    return slot;
  }

  addSender(plan: MediaSenderPlan): MediaSender {
    const transceiver = this.#addTransceiver(plan);
    if (plan.codec !== undefined) preferCodec(transceiver, plan.codec);
    if (plan.keepResolution) void keepResolution(transceiver.sender);
    return {
      get mid() {
        return transceiver.mid;
      },
      replaceTrack: (track) => transceiver.sender.replaceTrack(track),
      setEncodings: (encodings) => setEncodings(transceiver.sender, encodings),
      stop: () => this.#stop(transceiver),
    };
  }

  async offer(restartIce: boolean): Promise<string> {
    if (restartIce) this.#connection.restartIce();
    await this.#connection.setLocalDescription();
    // The server is ICE-lite and learns this side's addresses from its checks: no candidate needs to be waited for.
    return this.#connection.localDescription?.sdp ?? '';
  }

  async acceptAnswer(sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  async rollback(): Promise<void> {
    if (this.#connection.signalingState !== 'have-local-offer') return;
    await this.#connection.setLocalDescription({ type: 'rollback' });
  }

  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  close(): void {
    this.#connection.onconnectionstatechange = null;
    this.#connection.close();
  }

  #stop(transceiver: RTCRtpTransceiver): void {
    if (this.#connection.signalingState !== 'closed') transceiver.stop();
  }

  #addTransceiver({ track, encodings }: MediaSenderPlan): RTCRtpTransceiver {
    const add = (sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver =>
      this.#connection.addTransceiver(track, { direction: 'sendonly', sendEncodings });
    const wanted = encodings.map((encoding) => ({ ...encoding }));
    try {
      return add(wanted);
    } catch {
      // A browser that does not know this scalability mode refuses the whole transceiver.
      return add(wanted.map(({ scalabilityMode: _, ...plain }) => plain));
    }
  }
}

const mediaState = (state: RTCPeerConnectionState): MediaState | undefined => {
  switch (state) {
    case 'new':
    case 'connecting':
      return 'connecting';
    case 'connected':
      return 'connected';
    case 'disconnected':
      return 'interrupted';
    case 'failed':
      return 'failed';
    case 'closed':
      return undefined;
  }
};

/** Puts a codec first and keeps the others behind it: the server may not know it. */
const preferCodec = (transceiver: RTCRtpTransceiver, codec: Codec): void => {
  const all = RTCRtpReceiver.getCapabilities(transceiver.receiver.track.kind)?.codecs ?? [];
  const isWanted = ({ mimeType }: { mimeType: string }): boolean =>
    mimeType.toLowerCase().endsWith(`/${codec}`);
  if (!all.some(isWanted)) return;
  try {
    transceiver.setCodecPreferences([...all.filter(isWanted), ...all.filter((each) => !isWanted(each))]);
  } catch {
    // Only an order of preference: without it the browser's own applies.
  }
};

/** Not yet in the DOM library (webrtc-extensions §5.3). */
interface HeaderExtensions {
  getHeaderExtensionsToNegotiate?(): { uri: string; direction: RTCRtpTransceiverDirection }[];
  setHeaderExtensionsToNegotiate?(extensions: { uri: string; direction: RTCRtpTransceiverDirection }[]): void;
}
const DESCRIPTOR_URI =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

/** Chrome offers to take dependency descriptors only when told: without them it can show one layer of AV1 only. */
const askForDescriptors = (transceiver: RTCRtpTransceiver & HeaderExtensions): void => {
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
  const descriptor = extensions?.find(({ uri }) => uri === DESCRIPTOR_URI);
  if (extensions === undefined || descriptor === undefined) return;
  descriptor.direction = 'sendrecv';
  try {
    transceiver.setHeaderExtensionsToNegotiate?.(extensions);
  } catch {
    // It is shown in one layer, then.
  }
};

const keepResolution = async (sender: RTCRtpSender): Promise<void> => {
  const parameters: RTCRtpSendParameters & { degradationPreference?: string } = sender.getParameters();
  parameters.degradationPreference = 'maintain-resolution';
  // Not known everywhere, and nothing depends on it.
  await sender.setParameters(parameters).catch(() => undefined);
};

/** `scalabilityMode` and `rid` are settled by the negotiation; the rest may change at any time. */
const setEncodings = async (sender: RTCRtpSender, encodings: readonly Encoding[]): Promise<void> => {
  const parameters = sender.getParameters();
  parameters.encodings.forEach((encoding, index) => {
    const wanted = encodings[index];
    if (wanted === undefined) return;
    encoding.active = wanted.active;
    encoding.maxBitrate = wanted.maxBitrate;
    if (wanted.scaleResolutionDownBy !== undefined)
      encoding.scaleResolutionDownBy = wanted.scaleResolutionDownBy;
    if (wanted.maxFramerate !== undefined) encoding.maxFramerate = wanted.maxFramerate;
  });
  await sender.setParameters(parameters);
};

/** Opens the browser's peer connection. @throws SwitchyardError `unsupported-browser` where there is none. */
export const openPeerConnection: OpenMediaLink = (options) => {
  if (typeof RTCPeerConnection === 'undefined')
    throw new SwitchyardError('unsupported-browser', 'This browser has no WebRTC.');
  return new PeerConnectionLink(options);
};
