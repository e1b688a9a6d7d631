import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AccessRequest, createAccessControl } from './access-control.ts';
import { readToken, signToken, type TokenGrant } from './access-token.ts';

const acme = { id: 'acme', secret: 'a-secret-of-acme-00' };
const rival = { id: 'rival', secret: 'a-secret-of-rival-00' };
const apps = [acme, rival];
const all = { publish: true, subscribe: true, data: true, admin: false };
const grant: Omit<TokenGrant, 'app'> = { room: 'demo', peer: undefined, permissions: all };

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A token made by hand, as another library (or an attacker) would. */
function handmade(header: object, claims: object, secret = acme.secret): string {
  const head = `${base64(header)}.${base64(claims)}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}
const HS256 = { alg: 'HS256', typ: 'JWT' };
const inAnHour = Math.floor(Date.now() / 1000) + 3600;
const claims = { iss: 'acme', exp: inAnHour, room: 'demo', permissions: all };

describe('readToken', () => {
  test('reads what signToken wrote', async () => {
    const token = await signToken(acme, { ...grant, peer: 'ann' }, 60, Date.now());
    expect(await readToken(token, apps)).toEqual({
      ok: true,
      grant: { app: 'acme', room: 'demo', peer: 'ann', permissions: all },
    });
  });

  test('reads a token of another library; permissions that are not named are not given', async () => {
    expect(
      await readToken(handmade(HS256, { ...claims, permissions: { publish: true } }), apps),
    ).toMatchObject({
      ok: true,
      grant: { permissions: { publish: true, subscribe: false, data: false, admin: false } },
    });
  });

  test.for([
    { name: 'nonsense', token: 'abc', detail: 'no JWT' },
    { name: 'an empty token', token: '..', detail: 'no JWT' },
    { name: '10,000 characters', token: 'a'.repeat(10_000), detail: 'too long' },
    { name: 'alg none', token: `${base64({ alg: 'none' })}.${base64(claims)}.`, detail: 'HS256' },
    { name: 'alg none with a signature', token: handmade({ alg: 'none' }, claims), detail: 'HS256' },
    { name: 'another algorithm', token: handmade({ alg: 'HS512' }, claims), detail: 'HS256' },
    {
      name: 'the secret of another app',
      token: handmade(HS256, claims, rival.secret),
      detail: 'signature',
    },
    {
      name: 'an app that is not here',
      token: handmade(HS256, { ...claims, iss: 'nobody' }),
      detail: 'issuer',
    },
    { name: 'no issuer', token: handmade(HS256, { ...claims, iss: undefined }), detail: 'issuer' },
    { name: 'no expiry', token: handmade(HS256, { ...claims, exp: undefined }), detail: 'claim exp' },
    {
      name: 'not valid yet',
      token: handmade(HS256, { ...claims, nbf: inAnHour }),
      detail: 'claim nbf',
    },
    { name: 'no room', token: handmade(HS256, { ...claims, room: undefined }), detail: 'claim room' },
    { name: 'an impossible peer', token: handmade(HS256, { ...claims, peer: 'a/b' }), detail: 'claim peer' },
    {
      name: 'no permissions',
      token: handmade(HS256, { ...claims, permissions: undefined }),
      detail: 'claim permissions',
    },
  ])('refuses $name', async ({ token, detail }) => {
    expect(await readToken(token, apps)).toEqual({
      ok: false,
      error: { code: 'token-invalid', detail: expect.stringContaining(detail) },
    });
  });

  test('says when a token has expired', async () => {
    const token = await signToken(acme, grant, 60, Date.now() - 61_000);
    expect(await readToken(token, apps)).toEqual({ ok: false, error: { code: 'token-expired' } });
  });
});

describe('AccessControl', () => {
  const knock = async (
    change: Partial<Omit<TokenGrant, 'app'>>,
    request: Partial<AccessRequest> = {},
  ): Promise<unknown> => {
    const token = await signToken(acme, { ...grant, ...change }, 60, Date.now());
    return createAccessControl(apps).admit({ token, room: 'demo', needs: ['publish'], ...request });
  };

  test('without an app everybody comes in, whatever token they bring', async () => {
    const open = createAccessControl([]);
    expect(open.isOpen).toBe(true);
    for (const token of [undefined, 'nonsense'])
      expect(await open.admit({ token, room: 'demo', needs: ['publish'] })).toEqual({
        ok: true,
        access: {
          app: 'default',
          peer: undefined,
          permissions: { publish: true, subscribe: true, data: true },
        },
      });
  });

  test.for([undefined, ''])('with an app, token %j is told that one is required', async (token) => {
    const access = createAccessControl(apps);
    expect(access.isOpen).toBe(false);
    expect(await access.admit({ token, room: 'demo', needs: ['publish'] })).toEqual({
      ok: false,
      error: { code: 'token-required' },
    });
  });

  test('lets in on the terms of the token', async () => {
    expect(await knock({ peer: 'ann', permissions: { ...all, data: false } })).toEqual({
      ok: true,
      access: {
        app: 'acme',
        peer: 'ann',
        permissions: { publish: true, subscribe: true, data: false },
      },
    });
    expect(await knock({ room: '*' }, { room: 'anything' })).toMatchObject({ ok: true });
  });

  test.for([
    { name: 'another room', change: {}, request: { room: 'other' }, detail: 'another room' },
    { name: 'another peer', change: { peer: 'ann' }, request: { peer: 'bob' }, detail: 'another peer' },
    {
      name: 'a permission that is missing',
      change: { permissions: { ...all, publish: false } },
      request: {},
      detail: 'does not allow to publish',
    },
    {
      name: 'none of several permissions',
      change: { permissions: { publish: false, subscribe: false, data: false, admin: true } },
      request: { needs: ['publish', 'subscribe'] as const },
      detail: 'publish or subscribe',
    },
  ])('refuses $name', async ({ change, request, detail }) => {
    expect(await knock(change, request)).toEqual({
      ok: false,
      error: { code: 'not-allowed', detail: expect.stringContaining(detail) },
    });
  });
});
