import { describe, expect, test } from 'vitest';
import { configOf, parseLayerQuery, parseLayerWish } from './layer-wish.ts';

const SIMULCAST = [{ rid: 'l' }, { rid: 'm' }, { rid: 'h' }];
const parse = (body: unknown): unknown => {
  const parsed = parseLayerWish(typeof body === 'string' ? body : JSON.stringify(body));
  return 'error' in parsed ? parsed.error.code : parsed.value;
};

describe('parseLayerWish', () => {
  test.for([
    { name: 'nothing', body: '', wish: {} },
    { name: 'an empty object', body: {}, wish: {} },
    { name: 'an m-line by number', body: { mediaId: 1 }, wish: { mediaId: '1' } },
    { name: 'an encoding', body: { mediaId: '0', encodingId: 'm' }, wish: { mediaId: '0', encodingId: 'm' } },
    { name: 'an encoding by its other name', body: { rid: 'm' }, wish: { encodingId: 'm' } },
    {
      name: 'limits',
      body: { maxSpatialLayerId: 1, maxTemporalLayerId: 0 },
      wish: { maxSpatial: 1, maxTemporal: 0 },
    },
    {
      name: 'layers',
      body: { spatialLayerId: 1, temporalLayerId: 0 },
      wish: { spatial: 1, maxTemporal: 0 },
    },
    {
      name: 'an element of a layers event, with what else it tells',
      body: { encodingId: 'h', simulcastIdx: 2, spatialLayerId: 2, bitrate: 9 },
      wish: { encodingId: 'h', spatial: 2 },
    },
    { name: 'null for absent', body: { encodingId: null, maxSpatialLayerId: null }, wish: {} },
  ])('reads $name', ({ body, wish }) => {
    expect(parse(body)).toEqual(wish);
  });

  test.for([
    { name: 'no JSON', body: '{mediaId:"0"}', code: 'invalid-request' },
    { name: 'a list', body: [], code: 'invalid-request' },
    { name: 'null', body: 'null', code: 'invalid-request' },
    { name: 'a fraction', body: { maxSpatialLayerId: 0.5 }, code: 'invalid-request' },
    { name: 'a negative layer', body: { maxTemporalLayerId: -1 }, code: 'invalid-request' },
    { name: 'a layer as text', body: { spatialLayerId: '1' }, code: 'invalid-request' },
    { name: 'a long name', body: { encodingId: 'x'.repeat(65) }, code: 'limit-exceeded' },
    {
      name: 'a size, which is not known of every source',
      body: { maxWidth: 640 },
      code: 'unsupported-feature',
    },
  ])('refuses $name', ({ body, code }) => {
    expect(parse(body)).toBe(code);
  });
});

describe('parseLayerQuery', () => {
  test('reads its two parameters, and leaves others to others', () => {
    expect(parseLayerQuery({ peer: 'ann', maxSpatial: '0', maxTemporal: '1' })).toEqual({
      value: { maxSpatial: 0, maxTemporal: 1 },
    });
    expect(parseLayerQuery({})).toEqual({ value: {} });
  });

  test.for(['-1', '8', '0.5', 'low', ['0', '1'], ''])('refuses maxSpatial=%s', (maxSpatial) => {
    expect(parseLayerQuery({ maxSpatial })).toMatchObject({ error: { code: 'invalid-request' } });
  });
});

describe('configOf', () => {
  test.for([
    { name: 'no wish is automatic', wish: {}, layers: SIMULCAST, expected: [2, 2] },
    { name: 'an encoding is the highest', wish: { encodingId: 'm' }, layers: SIMULCAST, expected: [1, 2] },
    {
      name: 'an encoding has no spatial layers of its own',
      wish: { encodingId: 'h', spatial: 0 },
      layers: SIMULCAST,
      expected: [2, 2],
    },
    {
      name: 'the lower of a layer and a limit counts',
      wish: { spatial: 2, maxSpatial: 1, maxTemporal: 0 },
      layers: SIMULCAST,
      expected: [1, 0],
    },
    {
      name: 'a limit above the source is no limit',
      wish: { maxSpatial: 5 },
      layers: SIMULCAST,
      expected: [5, 2],
    },
    { name: 'SVC layers are not announced', wish: { spatial: 1 }, layers: [{}], expected: [1, 2] },
    {
      name: 'limits hold for what is watched later',
      wish: { maxSpatial: 0 },
      layers: undefined,
      expected: [0, 2],
    },
  ])('$name', ({ wish, layers, expected }) => {
    const config = configOf(wish, layers);
    const { maxSpatial, maxTemporal } = 'value' in config ? config.value : {};
    expect([maxSpatial, maxTemporal]).toEqual(expected);
  });

  test('layers of SVC are known once they were measured', () => {
    const flowing = [0, 1].map((spatial) => ({ spatial, temporal: 0, bitrateBps: 1 }));
    expect(configOf({ spatial: 1 }, [{}], flowing)).toMatchObject({ value: { maxSpatial: 1 } });
    expect(configOf({ spatial: 2 }, [{}], flowing)).toMatchObject({ error: { code: 'unknown-layer' } });
  });

  test.for([
    { name: 'an encoding', wish: { encodingId: 'x' }, layers: SIMULCAST },
    { name: 'a layer', wish: { spatial: 3 }, layers: SIMULCAST },
    { name: 'an encoding of a single stream', wish: { encodingId: 'l' }, layers: [{}] },
    { name: 'an encoding of nothing', wish: { encodingId: 'l' }, layers: undefined },
  ])('$name that is not there is unknown', ({ wish, layers }) => {
    expect(configOf(wish, layers)).toMatchObject({ error: { code: 'unknown-layer' } });
  });
});
