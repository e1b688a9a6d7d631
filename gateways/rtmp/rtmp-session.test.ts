import amf from 'node-media-server/src/protocol/amf.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { RtmpSession } from './rtmp-session.ts';
import type { StreamKey } from './stream-key.ts';

const HANDSHAKE_BYTES = 1536;

/** A message as chunks of 128 bytes, as a client sends it. */
function message(type: number, payload: Buffer, { cid = 3, timestampMs = 0, streamId = 0 } = {}): Buffer {
  const header = Buffer.alloc(12);
  header[0] = cid;
  header.writeUIntBE(timestampMs, 1, 3);
  header.writeUIntBE(payload.length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(streamId, 8);
  const chunks = [header, payload.subarray(0, 128)];
  for (let at = 128; at < payload.length; at += 128)
    chunks.push(Buffer.from([0xc0 | cid]), payload.subarray(at, at + 128));
  return Buffer.concat(chunks);
}

const command = (fields: object): Buffer => message(20, Buffer.from(amf.encodeAmf0Cmd(fields)));
const CONNECT = command({ cmd: 'connect', transId: 1, cmdObj: { app: 'live', tcUrl: 'rtmp://h/live' } });
const CREATE_STREAM = command({ cmd: 'createStream', transId: 2, cmdObj: null });
const publish = (streamName: string): Buffer =>
  command({ cmd: 'publish', transId: 3, cmdObj: null, streamName, type: 'live' });
const VIDEO = message(9, Buffer.from('1700000000aabb', 'hex'), { cid: 6, timestampMs: 40, streamId: 1 });

describe('RtmpSession', () => {
  let session: RtmpSession;
  let heard: string[];
  let key: StreamKey | undefined;
  let sent: Buffer;
  const receive = (...parts: readonly Buffer[]): string | undefined => {
    for (const part of parts) {
      const fault = session.receive(part);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
  const says = (text: string): boolean => sent.includes(Buffer.from(text));

  beforeEach(() => {
    heard = [];
    key = undefined;
    sent = Buffer.alloc(0);
    session = new RtmpSession({
      onPublish: (wanted) => {
        key = wanted;
        heard.push('publish');
      },
      onMedia: (kind, timestampMs, payload) =>
        heard.push(`${kind} ${timestampMs} ${payload.toString('hex')}`),
      onUnpublish: () => heard.push('unpublish'),
      send: (bytes) => {
        sent = Buffer.concat([sent, bytes]);
      },
      end: () => heard.push('end'),
    });
    receive(Buffer.from([3]), Buffer.alloc(HANDSHAKE_BYTES), Buffer.alloc(HANDSHAKE_BYTES));
    sent = Buffer.alloc(0);
  });

  it('asks for the permission before it says that the stream started', () => {
    receive(CONNECT, CREATE_STREAM, publish('demo/obs?token=x'));
    expect(key).toMatchObject({ room: 'demo', peer: 'obs' });
    expect(says('NetConnection.Connect.Success')).toBe(true);
    expect(says('NetStream.Publish.Start')).toBe(false);
    session.accept();
    expect(says('NetStream.Publish.Start')).toBe(true);
    receive(VIDEO);
    expect(heard).toEqual(['publish', 'video 40 1700000000aabb']);
  });

  it('takes the same stream in pieces of one byte', () => {
    const all = Buffer.concat([CONNECT, CREATE_STREAM, publish('demo')]);
    for (const byte of all) expect(session.receive(Buffer.from([byte]))).toBeUndefined();
    session.accept();
    for (const byte of VIDEO) session.receive(Buffer.from([byte]));
    expect(heard).toEqual(['publish', 'video 40 1700000000aabb']);
  });

  it('hands on no media before the permission, nor after a refusal', () => {
    receive(CONNECT, CREATE_STREAM, publish('demo'), VIDEO);
    session.refuse('The room is full.');
    receive(VIDEO);
    expect(says('NetStream.Publish.BadName')).toBe(true);
    expect(says('The room is full.')).toBe(true);
    expect(heard).toEqual(['publish', 'end']);
  });

  it('tells the person what is wrong with a key', () => {
    receive(CONNECT, CREATE_STREAM, publish('a/b/c'));
    expect(says('The stream key must be ROOM or ROOM/PEER')).toBe(true);
    expect(heard).toEqual(['end']);
  });

  it.each(['FCUnpublish', 'deleteStream'])('ends the stream at %s', (cmd) => {
    receive(CONNECT, CREATE_STREAM, publish('demo'));
    session.accept();
    receive(command({ cmd, transId: 4, cmdObj: null, streamName: 'demo', streamId: 1 }), VIDEO);
    expect(heard).toEqual(['publish', 'unpublish', 'end']);
  });

  it('answers a ping', () => {
    receive(message(4, Buffer.from('000600001234', 'hex'), { cid: 2 }));
    expect(sent.toString('hex')).toContain('0007' + '00001234');
  });

  it('takes chunk stream numbers of three bytes', () => {
    receive(CONNECT, CREATE_STREAM, publish('demo'));
    session.accept();
    // 1, then 64 + 1000 little-endian.
    receive(Buffer.concat([Buffer.from([1, 0xe8, 3]), VIDEO.subarray(1)]));
    expect(heard).toContain('video 40 1700000000aabb');
  });

  it.each([
    ['media before anything', VIDEO, 'a message of type 9'],
    ['a command of 70,000 bytes', message(20, Buffer.alloc(70_000)), 'a message of type 20'],
    ['a chunk that continues nothing', Buffer.from([0xc5, 0, 0, 0]), 'a chunk without a header'],
    ['a chunk size of zero', message(1, Buffer.alloc(4), { cid: 2 }), 'chunk size 0'],
    ['a chunk size of 2^31', message(1, Buffer.from('80000000', 'hex'), { cid: 2 }), 'chunk size'],
    ['a control message of one byte', message(1, Buffer.alloc(1), { cid: 2 }), 'a short control message'],
    ['AMF that is none', message(20, Buffer.from('ffffff', 'hex')), 'a command without a name'],
    [
      'forty chunk streams',
      Buffer.concat(Array.from({ length: 40 }, (_, i) => message(4, Buffer.alloc(6), { cid: 3 + i }))),
      'too many chunk streams',
    ],
  ])('cuts %s', (_, bytes, fault) => {
    expect(receive(bytes)).toContain(fault);
  });

  it('cuts what is not RTMP at its first byte', () => {
    const other = new RtmpSession({
      onPublish: () => {},
      onMedia: () => {},
      onUnpublish: () => {},
      send: () => {},
      end: () => {},
    });
    expect(other.receive(Buffer.from('GET / HTTP/1.1\r\n'))).toBe('not RTMP');
  });
});
