import { Engine, type EngineOutput } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { CODECS, emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import {
  ALL_PERMISSIONS,
  DEFAULT_LOCAL_TRACK_CONFIG,
  emptyFanoutTarget,
  FANOUT_TARGET_BYTES,
  FanoutReader,
  FRAME_TYPES,
  fanoutFrameBytes,
  LINK_PROTOCOL,
  mediaFrameBytes,
  readMediaFrame,
  writeFanoutFrame,
  writeFanoutTarget,
  writeMediaFrame,
} from '@switchyard/shared/protocol';
import {
  FrameSplitter,
  parseControl,
  parseHello,
  parseWelcome,
  readJson,
  requestOf,
} from '@switchyard/shared/runtime';
import { describe, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { SeededRandom } from './seeded-random.ts';

const packet: MediaPacket = {
  ...emptyMediaPacket('vp8'),
  pictureId: 5,
  pictureIdBits: 15,
  pictureIdOffset: 2,
  tl0PicIdx: 3,
  tl0PicIdxOffset: 4,
  dependencyDescriptor: Buffer.from('80000180003a41', 'hex'),
  payload: Buffer.alloc(60, 9),
};

function frame(type: number, value: unknown, endpoint?: number): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(endpoint === undefined ? 5 : 9);
  head.writeUInt32BE(head.length - 4 + json.length, 0);
  head[4] = type;
  if (endpoint !== undefined) head.writeUInt32BE(endpoint, 5);
  return Buffer.concat([head, json]);
}

function mediaFrame(): Buffer {
  const bytes = Buffer.alloc(mediaFrameBytes(packet));
  writeMediaFrame(bytes, 0, 1, 2, packet);
  return bytes;
}

function fanoutFrame(): Buffer {
  const targets = Buffer.alloc(FANOUT_TARGET_BYTES * 3);
  for (let i = 0; i < 3; i += 1)
    writeFanoutTarget(targets, i * FANOUT_TARGET_BYTES, i, { ...emptyFanoutTarget(), seq: i });
  const bytes = Buffer.alloc(fanoutFrameBytes(packet, 3));
  writeFanoutFrame(bytes, 0, packet, targets, 3);
  return bytes;
}

const scope = { peer: true, tracks: true };
const join = {
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
const CONTROLS = [
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
  { type: 'egress-estimate', bitrateBps: 300_000 },
  { type: 'channel-publish-start', label: 'chat' },
  { type: 'channel-subscribe', label: 'chat' },
  { type: 'channel-publish', label: 'chat', data: 'hello' },
  { type: 'subscribe-peer', peer: 'bob' },
  { type: 'update-peer', metadata: 'm' },
  { type: 'leave', request: 9 },
  { type: 'close' },
];

describe('fuzz: link', () => {
  it('frames of any length are cut or refused, in pieces too', () => {
    const seeds = [
      frame(FRAME_TYPES.hello, { protocol: LINK_PROTOCOL, kind: 'webrtc', name: 'webrtc-1' }),
      frame(FRAME_TYPES.control, join, 1),
      mediaFrame(),
      fanoutFrame(),
    ];
    const reader = new FanoutReader(emptyMediaPacket('opus'));
    const address = { endpoint: 0, track: 0 };
    const target = emptyFanoutTarget();
    const pieces = new SeededRandom(7);
    fuzz([...seeds, Buffer.concat(seeds)], (input) => {
      const splitter = new FrameSplitter((type, body) => {
        parseHello(readJson(body));
        parseWelcome(readJson(body));
        const read = emptyMediaPacket('opus');
        if (type === FRAME_TYPES.media && readMediaFrame(body, address, read)) {
          expect(CODECS).toContain(read.codec);
          if (read.pictureIdBits > 0)
            expect(read.pictureIdOffset + read.pictureIdBits / 8).toBeLessThanOrEqual(
              read.payload.length + 1,
            );
          if (read.tl0PicIdx >= 0) expect(read.tl0PicIdxOffset).toBeLessThan(read.payload.length);
        }
        if (type !== FRAME_TYPES.fanout || !reader.read(body)) return;
        for (let i = 0; i < reader.targetCount; i += 1) reader.readTarget(i, target);
      });
      for (let at = 0; at < input.length; ) {
        const end = at + 1 + pieces.below(input.length);
        if (!splitter.push(input.subarray(at, end))) return;
        at = end;
      }
    });
  });

  it('controls that pass the door do the engine no harm, whatever their order', () => {
    const silent: EngineOutput = { forward() {}, endPacket() {}, event() {} };
    const fabric = new LocalFabric();
    const engine = new Engine(silent, fabric);
    fabric.attach(engine);
    const random = new SeededRandom(11);
    const media: MediaPacket = { ...packet };
    let nowMs = 1_800_000_000_000;
    let passed = 0;
    engine.openEndpoint(0, 'sdk', 'fuzz', undefined, nowMs);
    fuzz(
      CONTROLS.map((control) => Buffer.from(JSON.stringify(control))),
      (input) => {
        const value = readJson(input);
        requestOf(value);
        // Right ones from time to time, so that there are rooms for the wrong ones.
        const control = parseControl(random.chance(0.5) ? random.pick([join, ...CONTROLS]) : value);
        const endpoint = random.below(6);
        nowMs += random.below(60);
        if (nowMs >= engine.nextDeadlineMs) engine.handleTick(nowMs);
        if (random.chance(0.1)) engine.closeEndpoint(endpoint, nowMs);
        if (random.chance(0.2)) engine.openEndpoint(endpoint, 'sdk', 'fuzz', undefined, nowMs);
        media.seq = random.below(0x1_0000);
        media.spatial = random.below(4);
        media.keyframe = random.chance(0.3);
        media.frameStart = true;
        for (let track = 0; track < 3; track += 1) engine.handleMedia(random.below(6), track, media, nowMs);
        if (!('value' in control)) return;
        passed += 1;
        engine.handleControl(endpoint, control.value, nowMs);
      },
      6000,
    );
    expect(passed).toBeGreaterThan(1000);
    for (let endpoint = 0; endpoint < 6; endpoint += 1) engine.closeEndpoint(endpoint, nowMs);
    expect(engine.endpointCount).toBe(0);
    expect([...engine.rooms]).toEqual([]);
  });
});
