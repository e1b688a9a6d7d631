import type { Encoding } from './encodings.ts';
import type { Codec, IceServer, MediaKind } from './protocol.ts';

/** How many m-lines of each use a session begins with for receiving; they are kept for life. */
export interface PoolShape {
  /** Video slots that attach to a source of one's choice. */
  readonly video: number;
  /** Audio slots that attach to a source of one's choice; rarely needed beside the mixer. */
  readonly audio: number;
  /** Audio slots that the server fills with the loudest speakers. */
  readonly mixer: number;
}

/** One receiving m-line. */
export interface MediaSlot {
  readonly kind: MediaKind;
  readonly use: 'mixer' | 'manual';
  /** Known after the first {@link MediaLink.offer}. */
  readonly mid: string | null;
  readonly track: MediaStreamTrack;
  /** Ends the m-line with the next offer. */
  stop(): void;
}

export interface MediaSenderPlan {
  readonly track: MediaStreamTrack;
  /** Lowest layer first; one or none for audio. */
  readonly encodings: readonly Encoding[];
  /** Codec to put first in the offer; absent: the browser's own order. */
  readonly codec?: Codec;
  /** Give up frames rather than sharpness. */
  readonly keepResolution: boolean;
}

/** One sending m-line. */
export interface MediaSender {
  /** Known after the next {@link MediaLink.offer}. */
  readonly mid: string | null;
  replaceTrack(track: MediaStreamTrack): Promise<void>;
  /** Changes what is sent, by position; takes as many entries as the sender has encodings. No renegotiation. */
  setEncodings(encodings: readonly Encoding[]): Promise<void>;
  /** Ends the m-line with the next offer. */
  stop(): void;
}

/** `interrupted` may mend itself; `failed` does not. */
export type MediaState = 'connecting' | 'connected' | 'interrupted' | 'failed';

/** One peer connection, as a session sees it. The client always offers. */
export interface MediaLink {
  /** In the order of adding. */
  readonly slots: readonly MediaSlot[];
  addSlot(kind: MediaKind, use: MediaSlot['use']): MediaSlot;
  addSender(plan: MediaSenderPlan): MediaSender;
  /** Makes the next offer and applies it on this side. @returns Its SDP. */
  offer(restartIce: boolean): Promise<string>;
  acceptAnswer(sdp: string): Promise<void>;
  /** Takes back an offer that the server refused. */
  rollback(): Promise<void>;
  stats(): Promise<RTCStatsReport>;
  close(): void;
}

export interface MediaLinkOptions {
  readonly iceServers: readonly IceServer[];
  onState(state: MediaState): void;
}

export type OpenMediaLink = (options: MediaLinkOptions) => MediaLink;
