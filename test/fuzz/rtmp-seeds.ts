/** RTMP as a publisher sends it, message by message. */

export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(3072)]);

/** A message in chunks of 128 bytes. */
function message(type: number, payload: Buffer, cid = 3, streamId = 0): Buffer {
  const header = Buffer.alloc(12);
  header[0] = cid;
  header.writeUIntBE(40, 1, 3);
  header.writeUIntBE(payload.length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(streamId, 8);
  const chunks = [header, payload.subarray(0, 128)];
  for (let at = 128; at < payload.length; at += 128)
    chunks.push(Buffer.from([0xc0 | cid]), payload.subarray(at, at + 128));
  return Buffer.concat(chunks);
}
type Amf = string | number | null | { readonly [key: string]: Amf };

/** AMF0 (§2 of its specification): number, string, null, object. */
function amf0(value: Amf): Buffer {
  const text = (each: string): Buffer => {
    const bytes = Buffer.from(`\0\0${each}`);
    bytes.writeUInt16BE(bytes.length - 2);
    return bytes;
  };
  if (value === null) return Buffer.from([5]);
  if (typeof value === 'string') return Buffer.concat([Buffer.from([2]), text(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  const fields = Object.entries(value).flatMap(([key, each]) => [text(key), amf0(each)]);
  return Buffer.concat([Buffer.from([3]), ...fields, Buffer.from([0, 0, 9])]);
}
const command = (...values: readonly Amf[]): Buffer => message(20, Buffer.concat(values.map(amf0)));
export const hex = (value: string): Buffer => Buffer.from(value.replaceAll(' ', ''), 'hex');

export const VIDEO_CONFIG = hex('1700000000 0142c01fffe1000a6742c01fda014016e80601000468ce3c80');
export const KEYFRAME = hex('1701000000 00000005 6588840010 00000002 0600');
export const PICTURE = hex('2701000005 00000004 41aabbcc');
export const AUDIO_CONFIG = hex('af00 1190');
export const AUDIO = hex('af01 21004f56');
export const ENHANCED = hex('90 61766331 0142c01fffe1000a6742c01fda014016e80601000468ce3c80');
export const FLOW = [
  message(1, hex('00000080')),
  command('connect', 1, { app: 'live', tcUrl: 'rtmp://h/live' }),
  command('releaseStream', 2, null, 'demo'),
  command('createStream', 3, null),
  command('publish', 4, null, 'demo/obs?token=x', 'live'),
  message(9, VIDEO_CONFIG, 6, 1),
  message(9, KEYFRAME, 6, 1),
  message(8, AUDIO_CONFIG, 4, 1),
  message(8, AUDIO, 4, 1),
  message(4, hex('000600000001')),
  message(5, hex('0007a120')),
  message(
    18,
    hex(
      '02000d40736574446174614672616d65 02000a6f6e4d65746144617461 080000000100057769647468004094000000000000000009',
    ),
    5,
    1,
  ),
  command('FCUnpublish', 5, null, 'demo'),
  command('deleteStream', 6, null, 1),
];
