import { Engine, type EngineOutput } from '@switchyard/core/engine';
import { LocalFabric } from '@switchyard/core/fabric';
import { CODECS, emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import { emptyFanoutTarget, FanoutReader, FRAME_TYPES, readMediaFrame } from '@switchyard/shared/protocol';
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
import { CONTROLS, fanoutFrame, frame, HELLO, join, mediaFrame, packet } from './link-seeds.ts';
import { SeededRandom } from './seeded-random.ts';

describe('fuzz: link', () => {
  it('frames of any length are cut or refused, in pieces too', () => {
    const seeds = [HELLO, frame(FRAME_TYPES.control, join, 1), mediaFrame(), fanoutFrame()];
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
