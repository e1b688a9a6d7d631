/** What goes between a bench and its load process, as JSON over the IPC channel. */
import type { SrtpProfile } from '@switchyard/shared/srtp';

export interface PublishOptions {
  /** WHIP address. */
  readonly url: string;
  /** Synthetic VP8; undefined for no video. */
  readonly video?: {
    /** RTP payload of each packet, bytes. */
    readonly payloadBytes: number;
    /** Packets of a frame, which leave together. */
    readonly burst: number;
    readonly packetsPerSecond: number;
  };
  /** Synthetic Opus, 50 packets per second; undefined for no audio. */
  readonly audio?: { readonly payloadBytes: number; readonly packetsPerSecond?: number };
  readonly token?: string;
}

export interface SubscribeOptions {
  /** WHEP address. */
  readonly url: string;
  readonly count: number;
  readonly video: boolean;
  readonly audio: boolean;
  /** Every so many packets are authenticated and decrypted; the others are counted by their header. */
  readonly verifyEvery?: number;
  /** Handshakes that are under way at a time. */
  readonly joinsAtOnce?: number;
  /** How subscribers say what they can receive: `transport-cc` as browsers do, `remb` with less work for everybody. */
  readonly feedback?: 'remb' | 'transport-cc';
  /** What each subscriber says by REMB, bits per second. */
  readonly estimateBps?: number;
  readonly token?: string;
}

/** Counted since the last reset. */
export interface LoadFigures {
  readonly sent: number;
  /** PLIs and FIRs that the publisher got. */
  readonly keyframeRequests: number;
  readonly subscribers: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly verified: number;
  readonly authenticationFailures: number;
  /** Sequence numbers that were jumped over, and have not come later. */
  readonly gaps: number;
  readonly late: number;
  /** Longest time in which some subscriber got no packet, until now, milliseconds. */
  readonly longestGapMs: number;
  /** Of the subscriber that got least. */
  readonly receivedLeast: number;
  /** From the publisher's send to a subscriber's handler, of verified packets, milliseconds. */
  readonly delayMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  /** Joins in the order of their end: from the offer to SRTP, and to the first packet, milliseconds. */
  readonly connectMs: readonly number[];
  readonly firstPacketMs: readonly number[];
  readonly profiles: readonly SrtpProfile[];
}

export type LoadRequest =
  | { readonly type: 'publish'; readonly options: PublishOptions }
  | { readonly type: 'subscribe'; readonly options: SubscribeOptions }
  /** Changes the rate of all publishers' video. */
  | { readonly type: 'rate'; readonly packetsPerSecond: number }
  /** Closes the subscribers, not the publishers. */
  | { readonly type: 'unsubscribe'; readonly polite: boolean }
  | { readonly type: 'reset' }
  | { readonly type: 'figures' };

export interface LoadReply {
  readonly id: number;
  readonly error?: string;
  readonly figures?: LoadFigures;
}
