/** The link as a gateway speaks it. */
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  emptyFanoutTarget,
  FANOUT_TARGET_BYTES,
  FRAME_TYPES,
  fanoutFrameBytes,
  LINK_PROTOCOL,
  mediaFrameBytes,
  writeFanoutFrame,
  writeFanoutTarget,
  writeMediaFrame,
} from '@switchyard/shared/protocol';

export const packet: MediaPacket = {
  ...emptyMediaPacket('vp8'),
  pictureId: 5,
  pictureIdBits: 15,
  pictureIdOffset: 2,
  tl0PicIdx: 3,
  tl0PicIdxOffset: 4,
  dependencyDescriptor: Buffer.from('80000180003a41', 'hex'),
  payload: Buffer.alloc(60, 9),
};

export function frame(type: number, value: unknown, endpoint?: number): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(endpoint === undefined ? 5 : 9);
  head.writeUInt32BE(head.length - 4 + json.length, 0);
  head[4] = type;
  if (endpoint !== undefined) head.writeUInt32BE(endpoint, 5);
  return Buffer.concat([head, json]);
}

export function mediaFrame(): Buffer {
  const bytes = Buffer.alloc(mediaFrameBytes(packet));
  writeMediaFrame(bytes, 0, 1, 2, packet);
  return bytes;
}

export function fanoutFrame(): Buffer {
  const targets = Buffer.alloc(FANOUT_TARGET_BYTES * 3);
  for (let i = 0; i < 3; i += 1)
    writeFanoutTarget(targets, i * FANOUT_TARGET_BYTES, i, { ...emptyFanoutTarget(), seq: i });
  const bytes = Buffer.alloc(fanoutFrameBytes(packet, 3));
  writeFanoutFrame(bytes, 0, packet, targets, 3);
  return bytes;
}

const scope = { peer: true, tracks: true };
export const join = {
  type: 'join',
  request: 1,
  app: 'default',
  room: 'demo',
  peer: 'alice',
  publish: scope,
  subscribe: { peers: true, tracks: true },
  permissions: ALL_PERMISSIONS,
  replace: false,
};
const info = {
  name: 'video_main',
  kind: 'video',
  codec: 'vp8',
  layers: [{ rid: 'l' }, { rid: 'h', width: 640 }],
};
export const CONTROLS = [
  { type: 'open', client: 'sdk', address: '127.0.0.1' },
  join,
  { ...join, peer: 'bob', metadata: '{}' },
  { type: 'remote-track-start', request: 2, track: 1, info },
  { type: 'remote-track-update', track: 1, metadata: 'x', layers: [{}] },
  { type: 'remote-track-stop', track: 1 },
  {
    type: 'local-track-attach',
    request: 3,
    track: 2,
    kind: 'video',
    source: { peer: 'alice', track: 'video_main' },
    config: DEFAULT_LOCAL_TRACK_CONFIG,
  },
  {
    type: 'local-track-config',
    track: 2,
    config: { priority: 5, maxSpatial: 1, maxTemporal: 0, minSpatial: 1 },
  },
  { type: 'local-track-keyframe-request', track: 2 },
  { type: 'local-track-detach', track: 2 },
  { type: 'mixer-attach', mode: 'manual', slots: [3, 4], sources: [{ peer: 'alice', track: 'audio_main' }] },
  { type: 'mixer-config', paused: true },
  { type: 'mixer-detach' },
  { type: 'egress-estimate', bitrateBps: 300_000, congested: true },
  { type: 'channel-publish-start', label: 'chat' },
  { type: 'channel-subscribe', label: 'chat' },
  { type: 'channel-publish', label: 'chat', data: 'hello' },
  { type: 'subscribe-peer', peer: 'bob' },
  { type: 'update-peer', metadata: 'm' },
  { type: 'leave', request: 9 },
  { type: 'close' },
];

export const HELLO = frame(FRAME_TYPES.hello, { protocol: LINK_PROTOCOL, kind: 'webrtc', name: 'webrtc-1' });
