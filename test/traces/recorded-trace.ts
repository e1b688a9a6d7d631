import { readdirSync, readFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { TransportCcFeedback } from '@switchyard/shared/media';
import type { LinkProfile } from '@switchyard/shared/netem';

/** What happened at one viewer's congestion control, at `atMs` since the first packet. */
export type TraceEvent = { readonly atMs: number } & (
  | { readonly kind: 'sent'; readonly bytes: number; readonly cluster: number }
  | { readonly kind: 'feedback'; readonly feedback: TransportCcFeedback }
  /** A packet came to the pacer. */
  | {
      readonly kind: 'video';
      readonly bytes: number;
      readonly stream: number;
      readonly startsKeyframe: boolean;
    }
  | { readonly kind: 'audio' | 'repair'; readonly bytes: number }
  /** Was a probe due? Its number; 0: no. */
  | { readonly kind: 'tick'; readonly cluster: number }
  /** The core said what the viewer could use, bits per second. */
  | { readonly kind: 'demand'; readonly bps: number }
  /** The core was told what the viewer can be sent. */
  | { readonly kind: 'told'; readonly bps: number; readonly congested: boolean }
);

/** The path as the proxy made it from a time on. */
export interface TraceStep {
  readonly atMs: number;
  readonly down: LinkProfile;
  readonly upDelayMs: number;
}

/** A recording, as it lies in a file: all that is known of it, then its events as {@link packEvents} writes them. */
export interface TraceFile {
  readonly about: string;
  readonly name: string;
  readonly recordedWith: Readonly<Record<string, string>>;
  /** Encodings of the publisher, lowest first, bits per second as they were measured before. */
  readonly publishedBps: readonly number[];
  readonly seed: number;
  readonly durationMs: number;
  readonly path: readonly TraceStep[];
  readonly packets: number;
  readonly lost: number;
  readonly events: readonly string[];
}

export interface RecordedTrace extends Omit<TraceFile, 'events'> {
  readonly events: readonly TraceEvent[];
}

/** The recordings of this folder, by name. */
export function readTraces(): RecordedTrace[] {
  const folder = new URL('./', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.trace.json'))
    .map((name) => {
      const file = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as TraceFile;
      return { ...file, events: unpackEvents(file.events) };
    });
}

const KINDS = ['sent', 'feedback', 'video', 'audio', 'repair', 'tick', 'demand', 'told'] as const;
/** Times are kept in tenths of a millisecond, arrivals in the quarters that feedback counts in. */
const TENTHS = 10;
const QUARTERS = 4;
const REFERENCE_MS = 64;
const LINE = 100;

/**
 * Events as text: deflated, base64, in lines. Each is a varint (tenths of a millisecond since the one before) × 8 + kind,
 * then its numbers as varints; feedback as differences to the one before it.
 */
export function packEvents(events: readonly TraceEvent[]): string[] {
  const out = new Writer();
  let tenths = 0;
  let nextSeq = 0;
  let reference = 0;
  for (const event of events) {
    const at = Math.max(tenths, Math.round(event.atMs * TENTHS));
    out.unsigned((at - tenths) * KINDS.length + KINDS.indexOf(event.kind));
    tenths = at;
    switch (event.kind) {
      case 'sent':
        out.unsigned(event.bytes);
        out.unsigned(event.cluster + 1);
        break;
      case 'feedback': {
        const { baseSeq, referenceMs, feedbackCount, arrivalsMs } = event.feedback;
        out.signed(((baseSeq - nextSeq) << 16) >> 16);
        out.signed(referenceMs / REFERENCE_MS - reference);
        out.unsigned(feedbackCount);
        out.unsigned(arrivalsMs.length);
        nextSeq = baseSeq + arrivalsMs.length;
        reference = referenceMs / REFERENCE_MS;
        let ticks = 0;
        for (const arrivalMs of arrivalsMs) {
          if (arrivalMs < 0) {
            out.unsigned(0);
            continue;
          }
          const next = Math.round(arrivalMs * QUARTERS);
          out.unsigned(zigzag(next - ticks) + 1);
          ticks = next;
        }
        break;
      }
      case 'video':
        out.unsigned(event.bytes * 2 + (event.startsKeyframe ? 1 : 0));
        out.unsigned(event.stream);
        break;
      case 'audio':
      case 'repair':
        out.unsigned(event.bytes);
        break;
      case 'tick':
        out.unsigned(event.cluster);
        break;
      case 'demand':
        out.unsigned(Math.round(event.bps));
        break;
      case 'told':
        out.unsigned(Math.round(event.bps) * 2 + (event.congested ? 1 : 0));
        break;
    }
  }
  const text = deflateRawSync(Uint8Array.from(out.bytes), { level: 9 }).toString('base64');
  return Array.from({ length: Math.ceil(text.length / LINE) }, (_, line) =>
    text.slice(line * LINE, (line + 1) * LINE),
  );
}

export function unpackEvents(lines: readonly string[]): TraceEvent[] {
  const input = new Reader(inflateRawSync(Buffer.from(lines.join(''), 'base64')));
  const events: TraceEvent[] = [];
  let tenths = 0;
  let nextSeq = 0;
  let reference = 0;
  while (!input.isAtEnd) {
    const first = input.unsigned();
    tenths += Math.floor(first / KINDS.length);
    const atMs = tenths / TENTHS;
    const kind = KINDS[first % KINDS.length] ?? 'sent';
    switch (kind) {
      case 'sent':
        events.push({ atMs, kind, bytes: input.unsigned(), cluster: input.unsigned() - 1 });
        break;
      case 'feedback': {
        const baseSeq = (nextSeq + input.signed()) & 0xffff;
        reference += input.signed();
        const feedbackCount = input.unsigned();
        const count = input.unsigned();
        nextSeq = baseSeq + count;
        let ticks = 0;
        const arrivalsMs: number[] = [];
        for (let i = 0; i < count; i += 1) {
          const coded = input.unsigned();
          if (coded > 0) ticks += unzigzag(coded - 1);
          arrivalsMs.push(coded === 0 ? -1 : ticks / QUARTERS);
        }
        const referenceMs = reference * REFERENCE_MS;
        events.push({ atMs, kind, feedback: { baseSeq, referenceMs, feedbackCount, arrivalsMs } });
        break;
      }
      case 'video': {
        const coded = input.unsigned();
        const startsKeyframe = (coded & 1) === 1;
        events.push({ atMs, kind, bytes: coded >> 1, startsKeyframe, stream: input.unsigned() });
        break;
      }
      case 'audio':
      case 'repair':
        events.push({ atMs, kind, bytes: input.unsigned() });
        break;
      case 'tick':
        events.push({ atMs, kind, cluster: input.unsigned() });
        break;
      case 'demand':
        events.push({ atMs, kind, bps: input.unsigned() });
        break;
      case 'told': {
        const coded = input.unsigned();
        events.push({ atMs, kind, bps: Math.floor(coded / 2), congested: coded % 2 === 1 });
        break;
      }
    }
  }
  return events;
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);
const unzigzag = (coded: number): number => (coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2);

class Writer {
  readonly bytes: number[] = [];

  unsigned(value: number): void {
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.bytes.push((left % 0x80) | 0x80);
    this.bytes.push(left);
  }

  signed(value: number): void {
    this.unsigned(zigzag(value));
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  signed(): number {
    return unzigzag(this.unsigned());
  }
}
