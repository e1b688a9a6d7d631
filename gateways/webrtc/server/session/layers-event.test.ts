import { describe, expect, test } from 'vitest';
import { writeLayers } from './layers-event.ts';

const flow = (spatial: number, temporal: number, bitrateBps: number) => ({ spatial, temporal, bitrateBps });
const layersOf = (...parameters: Parameters<typeof writeLayers>): unknown =>
  JSON.parse(writeLayers(...parameters));

describe('a layers event', () => {
  test('tells what was announced while nothing is measured, by m-line', () => {
    const announced = [
      { rid: 'l', width: 320, height: 180, maxBitrateBps: 150_000 },
      { rid: 'h', width: 1280, height: 720 },
    ];
    expect(layersOf('1', announced, undefined)).toEqual({
      1: {
        active: [
          { id: 'l', simulcastIdx: 0, targetBitrate: 150_000, width: 320, height: 180 },
          { id: 'h', simulcastIdx: 1, width: 1280, height: 720 },
        ],
        inactive: [],
        layers: [
          {
            encodingId: 'l',
            simulcastIdx: 0,
            spatialLayerId: 0,
            targetBitrate: 150_000,
            width: 320,
            height: 180,
          },
          { encodingId: 'h', simulcastIdx: 1, spatialLayerId: 1, width: 1280, height: 720 },
        ],
      },
    });
  });

  test('tells what flows of simulcast, and an encoding that does not as inactive', () => {
    const flowing = [flow(0, 0, 60_000), flow(0, 1, 40_000)];
    expect(layersOf('0', [{ rid: 'l' }, { rid: 'h' }], flowing)).toEqual({
      0: {
        active: [{ id: 'l', simulcastIdx: 0, bitrate: 100_000 }],
        inactive: [{ id: 'h', simulcastIdx: 1 }],
        layers: [
          { encodingId: 'l', simulcastIdx: 0, spatialLayerId: 0, temporalLayerId: 0, bitrate: 60_000 },
          { encodingId: 'l', simulcastIdx: 0, spatialLayerId: 0, temporalLayerId: 1, bitrate: 40_000 },
          { encodingId: 'h', simulcastIdx: 1, spatialLayerId: 1 },
        ],
      },
    });
  });

  test('finds the layers of SVC, which nobody announces', () => {
    expect(layersOf('0', [{}], [flow(0, 0, 100), flow(1, 0, 200), flow(2, 0, 300)])).toEqual({
      0: {
        active: [],
        inactive: [],
        layers: [
          { spatialLayerId: 0, temporalLayerId: 0, bitrate: 100 },
          { spatialLayerId: 1, temporalLayerId: 0, bitrate: 200 },
          { spatialLayerId: 2, temporalLayerId: 0, bitrate: 300 },
        ],
      },
    });
  });

  test('has nothing to choose from where nothing is watched', () => {
    expect(layersOf('0', [], undefined)).toEqual({ 0: { active: [], inactive: [], layers: [] } });
  });
});
