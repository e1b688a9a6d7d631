import {
  type ControlBody,
  datagramType,
  datagramVersion,
  emptyMediaHeader,
  HOP_MAC_BYTES,
  MEDIA_HEADER_BYTES,
  readControlBody,
  readMediaHeader,
  writeControlBody,
  writeMediaHeader,
} from '@switchyard/core/fabric/mesh';
import { describe, expect, it } from 'vitest';
import {
  isHeartbeat,
  isNodeRecord,
  isReport,
  isRoomMessage,
  parseJson,
} from '../../core/fabric/nats-messages.ts';
import { fuzz, texts } from './fuzz.ts';

const codec = {
  encode: (text: string): Uint8Array => new TextEncoder().encode(text),
  decode: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
};
const BODIES: readonly ControlBody[] = [
  { type: 'probe', number: 7 },
  { type: 'probe-reply', number: 7, load: 0.5 },
  { type: 'nack', seqs: [1, 2, 3] },
  { type: 'tail', seq: 9 },
  { type: 'keep-alive' },
  {
    type: 'stream',
    message: { type: 'sub', stream: 's', publisher: 'a', label: 1, layers: 3, resume: -1, path: ['b'] },
  },
  {
    type: 'stream',
    message: { type: 'sub-ok', stream: 's', path: ['a'], key: { epoch: 1, secret: 'AAAA' } },
  },
];

describe('fuzz: between nodes', () => {
  it('headers of datagrams', () => {
    const header = emptyMediaHeader();
    const media = Buffer.alloc(MEDIA_HEADER_BYTES + HOP_MAC_BYTES + 40, 3);
    writeMediaHeader(media, { ...header, spatial: 2, keyframe: true, linkSeq: 5, label: 6, streamSeq: 7 });
    fuzz([media], (input) => {
      datagramType(input);
      datagramVersion(input);
      if (readMediaHeader(input, header)) expect(header.spatial).toBeLessThan(8);
    });
  });

  it('control bodies are read or refused, and what was read is written the same', () => {
    let read = 0;
    fuzz(
      BODIES.map((body) => Buffer.from(writeControlBody(body, codec))),
      (input) => {
        const body = readControlBody(input, codec);
        if (body === undefined) return;
        read += 1;
        expect(readControlBody(writeControlBody(body, codec), codec)).toEqual(body);
      },
    );
    expect(read).toBeGreaterThan(BODIES.length);
  });

  it('messages of the control plane', () => {
    fuzz(
      texts(
        '{"node":"a","session":"s","clockMs":1,"load":0.5}',
        '{"node":"a","session":"s","zone":"z","publicKey":"k","url":"u","relay":true,"version":1,"addresses":["127.0.0.1:1"]}',
        '{"session":"s","version":1,"costsMs":{"b":1.5}}',
        '{"label":"l","peer":"p","session":"s","data":"d"}',
      ),
      (input) => {
        const value = parseJson(input);
        for (const is of [isHeartbeat, isNodeRecord, isReport, isRoomMessage]) is(value);
      },
    );
  });
});
