import type { NegotiatedAudio } from '../sdp-negotiation.ts';

/** Main thread → media worker. */
export type MediaCommand =
  | { readonly type: 'open'; readonly call: number; readonly slots: readonly number[] }
  | { readonly type: 'negotiated'; readonly call: number; readonly audio: NegotiatedAudio }
  /** One Opus packet of one speaker for slots of calls: call and slot with the RTP timestamp of each. */
  | { readonly type: 'audio'; readonly payload: Uint8Array; readonly targets: readonly AudioTarget[] }
  /** A slot of a call plays this speaker from now on; a call's slots without one are silent. */
  | {
      readonly type: 'slot';
      readonly call: number;
      readonly slot: number;
      /** Unique in the process: room, peer and track. */
      readonly speaker: string | undefined;
    }
  | { readonly type: 'close'; readonly call: number };

export interface AudioTarget {
  readonly call: number;
  readonly slot: number;
  readonly timestamp: number;
}

/** Media worker → main thread. */
export type MediaEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'opened'; readonly call: number; readonly port: number }
  | { readonly type: 'no-port'; readonly call: number }
  /** What the phone says: 20 ms of Opus. */
  | {
      readonly type: 'voice';
      readonly call: number;
      readonly payload: Uint8Array;
      readonly timestamp: number;
      readonly levelDbov: number;
    }
  /** Nothing came from the phone for {@link RTP_SILENCE_MS}. */
  | { readonly type: 'silent'; readonly call: number };

/** What the worker is started with. */
export interface MediaWorkerData {
  readonly host: string;
  readonly portMin: number;
  readonly portMax: number;
}

/** A phone without RTP for this long has gone, milliseconds. */
export const RTP_SILENCE_MS: number = 30_000;
