import { readU32, writeU32 } from '@switchyard/shared/media';
import { NACK_MAX } from './hop-repair.ts';
import type { StreamMessage } from './stream-message.ts';

/**
 * What control datagrams say, sealed: a type byte and
 * ```text
 * probe        number u32
 * probe-reply  number u32 · load u8 (share × 255)
 * nack         link sequence numbers, u32 each
 * tail         last link sequence number u32
 * keep-alive   –
 * stream       JSON of a StreamMessage
 * ```
 */
export type ControlBody =
  | { readonly type: 'probe'; readonly number: number }
  | { readonly type: 'probe-reply'; readonly number: number; readonly load: number }
  | { readonly type: 'nack'; readonly seqs: readonly number[] }
  | { readonly type: 'tail'; readonly seq: number }
  | { readonly type: 'keep-alive' }
  | { readonly type: 'stream'; readonly message: StreamMessage };

const TYPES = ['probe', 'probe-reply', 'nack', 'tail', 'keep-alive', 'stream'] as const;
const STREAM = 5;

/** UTF-8 both ways: text coders belong to the platform. */
export interface TextCodec {
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
}

export function writeControlBody(body: ControlBody, text: TextCodec): Uint8Array {
  switch (body.type) {
    case 'probe':
      return numbers(0, [body.number]);
    case 'probe-reply': {
      const bytes = new Uint8Array(6);
      bytes[0] = 1;
      writeU32(bytes, 1, body.number);
      bytes[5] = Math.round(Math.min(1, Math.max(0, body.load)) * 255);
      return bytes;
    }
    case 'nack':
      return numbers(2, body.seqs);
    case 'tail':
      return numbers(3, [body.seq]);
    case 'keep-alive':
      return Uint8Array.of(4);
    case 'stream': {
      const json = text.encode(JSON.stringify(body.message));
      const bytes = new Uint8Array(1 + json.length);
      bytes[0] = STREAM;
      bytes.set(json, 1);
      return bytes;
    }
  }
}

/** @returns undefined for what is malformed. */
export function readControlBody(bytes: Uint8Array, text: TextCodec): ControlBody | undefined {
  const type = TYPES[bytes[0] ?? 255];
  if (type === undefined) return undefined;
  switch (type) {
    case 'probe':
      return bytes.length === 5 ? { type, number: readU32(bytes, 1) } : undefined;
    case 'probe-reply':
      return bytes.length === 6
        ? { type, number: readU32(bytes, 1), load: (bytes[5] ?? 0) / 255 }
        : undefined;
    case 'nack': {
      const count = (bytes.length - 1) / 4;
      if (!Number.isInteger(count) || count > NACK_MAX) return undefined;
      return { type, seqs: Array.from({ length: count }, (_, i) => readU32(bytes, 1 + 4 * i)) };
    }
    case 'tail':
      return bytes.length === 5 ? { type, seq: readU32(bytes, 1) } : undefined;
    case 'keep-alive':
      return { type };
    case 'stream': {
      const message = readStreamMessage(bytes.subarray(1), text);
      return message === undefined ? undefined : { type, message };
    }
  }
}

function numbers(type: number, values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(1 + 4 * values.length);
  bytes[0] = type;
  for (const [i, value] of values.entries()) writeU32(bytes, 1 + 4 * i, value);
  return bytes;
}

/** Other nodes hold the cluster's secret, but run other versions and have bugs: shapes are checked all the same. */
function readStreamMessage(bytes: Uint8Array, text: TextCodec): StreamMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.decode(bytes));
  } catch {
    return undefined;
  }
  return isStreamMessage(value) ? value : undefined;
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= 256 && value.every((name) => typeof name === 'string');
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function isStreamMessage(value: unknown): value is StreamMessage {
  if (!isRecord(value) || typeof value['stream'] !== 'string') return false;
  switch (value['type']) {
    case 'sub':
      return (
        typeof value['publisher'] === 'string' &&
        isCount(value['label']) &&
        isCount(value['layers']) &&
        (value['resume'] === undefined || value['resume'] === -1 || isCount(value['resume'])) &&
        isNames(value['path'])
      );
    case 'sub-ok': {
      const key = value['key'];
      return (
        isNames(value['path']) && isRecord(key) && isCount(key['epoch']) && typeof key['secret'] === 'string'
      );
    }
    case 'sub-wait':
    case 'unsub':
      return true;
    case 'sub-reject':
      return typeof value['reason'] === 'string';
    case 'keyframe':
      return isCount(value['spatial']);
    case 'bitrate': {
      const feedback = value['feedback'];
      return (
        isRecord(feedback) && ['count', 'minBps', 'maxBps', 'sumBps'].every((name) => isCount(feedback[name]))
      );
    }
    default:
      return false;
  }
}
