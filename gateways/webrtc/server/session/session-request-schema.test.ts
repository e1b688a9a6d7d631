import { describe, expect, test } from 'vitest';
import { parseSessionRequest } from './session-request-schema.ts';

describe('a message that is refused', () => {
  test.for([
    { name: 'not JSON', text: '{', number: undefined, detail: 'not JSON' },
    { name: 'not an object', text: '[]', number: undefined, detail: '' },
    { name: 'an unknown type', text: '{"type":"dance","request":3}', number: 3, detail: 'unknown type' },
    { name: 'no request number', text: '{"type":"leave"}', number: undefined, detail: 'request' },
    {
      name: 'an unknown key',
      text: '{"type":"leave","request":1,"why":2}',
      number: 1,
      detail: 'unknown key why',
    },
    {
      name: 'an unknown inner key',
      text: '{"type":"receiver-attach","request":1,"mid":"0","source":{"peer":"a","track":"b","x":1}}',
      number: 1,
      detail: 'unknown key source.x',
    },
    { name: 'a missing key', text: '{"type":"receiver-detach","request":1}', number: 1, detail: 'mid' },
    {
      name: 'a wrong type inside',
      text: '{"type":"join","request":1,"protocol":1,"room":5,"peer":"a"}',
      number: 1,
      detail: 'room',
    },
    {
      name: 'a megabyte of metadata',
      text: JSON.stringify({ type: 'update-peer', request: 1, metadata: 'x'.repeat(1 << 20) }),
      number: 1,
      code: 'limit-exceeded',
      detail: 'metadata',
    },
    {
      name: 'a layer that cannot be',
      text: '{"type":"receiver-config","request":1,"mid":"0","config":{"priority":1,"maxSpatial":-1,"maxTemporal":0}}',
      number: 1,
      detail: 'maxSpatial',
    },
  ])('$name is named', ({ text, number, detail, code = 'invalid-request' }) => {
    const result = parseSessionRequest(text);
    expect(result).toMatchObject({ ok: false, error: { code } });
    if (!result.ok) {
      expect(result.number).toBe(number);
      expect(result.error.detail).toContain(detail);
    }
  });
});

test('a request comes out as it is', () => {
  const request = {
    type: 'receiver-attach',
    request: 4,
    mid: '2',
    source: { peer: 'a', track: 'video_main' },
  };
  expect(parseSessionRequest(JSON.stringify(request))).toEqual({ ok: true, request });
});
