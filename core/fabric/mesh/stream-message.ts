import type { BitrateFeedback } from './feedback-merge.ts';

/** Control messages between neighbours about one stream. */
export type StreamMessage =
  | {
      /** Asks for the stream; repeated to keep it, and to change its layers. */
      readonly type: 'sub';
      readonly stream: string;
      readonly publisher: string;
      /** What the asker will call the stream in media datagrams. */
      readonly label: number;
      /** Bit i: spatial layer i is wanted. */
      readonly layers: number;
      /** Stream sequence number to go on from, −1 for the pictures since the last keyframe, absent for none. */
      readonly resume?: number;
      /** The asker and everybody it asks for, nearest last: a node that finds itself in it refuses. */
      readonly path: readonly string[];
    }
  /** The stream comes; repeated when the way or the key has changed. */
  | {
      readonly type: 'sub-ok';
      readonly stream: string;
      /** Nodes from the publisher to the one that says so. */
      readonly path: readonly string[];
      readonly key: StreamKey;
    }
  /** Understood: the stream is being fetched. */
  | { readonly type: 'sub-wait'; readonly stream: string }
  | { readonly type: 'sub-reject'; readonly stream: string; readonly reason: SubRejection }
  | { readonly type: 'unsub'; readonly stream: string }
  | { readonly type: 'keyframe'; readonly stream: string; readonly spatial: number }
  | { readonly type: 'bitrate'; readonly stream: string; readonly feedback: BitrateFeedback };

export type SubRejection = 'loop' | 'unknown-stream' | 'no-route' | 'limit-exceeded';

/** The key that a stream's media is sealed with, and its number. */
export interface StreamKey {
  readonly epoch: number;
  /** Base64. */
  readonly secret: string;
}

/** One packet of a stream as it travels: opened by viewers' nodes only. */
export interface StreamPacket {
  readonly streamSeq: number;
  readonly epoch: number;
  readonly spatial: number;
  readonly keyframe: boolean;
  /** Layers build on each other: who wants one needs those below it. */
  readonly svc: boolean;
  readonly sealed: Uint8Array;
}

/** Whether who wants `layers` (a bit a layer) wants this packet. */
export const wantsPacket = (layers: number, { spatial, svc }: StreamPacket): boolean =>
  svc ? layers >> spatial !== 0 : (layers & (1 << spatial)) !== 0;
