import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeConfig } from './describe-config.ts';
import { loadConfig } from './load-config.ts';
import { isLoopback } from './loopback.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-config-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}, yaml = ''): ReturnType<typeof loadConfig> => {
  writeFileSync(join(directory, 'switchyard.yaml'), yaml);
  return loadConfig(env, directory);
};
const SECRET = '0123456789abcdef';
const APP = `apps: [{ id: acme, secret: ${SECRET}x }]\n`;

test('every key has a default, and the defaults are for this machine alone', () => {
  const config = load();
  expect(config).toMatchObject({
    log: { level: 'info' },
    apps: [],
    drainSeconds: 30,
    udpBursts: true,
    core: { httpHost: '127.0.0.1', httpPort: 9090, maxEndpoints: 50_000, maxEventLoopDelayMs: 250 },
    webrtc: { host: '127.0.0.1', port: 8080 },
    rtmp: { host: '127.0.0.1', port: 1935, transcode: 'auto' },
    sip: { host: '127.0.0.1', port: 5060, rtpPortMin: 20_000, rtpPortMax: 29_999 },
  });
  expect(config.core.socket).toMatch(/switchyard-\d+-9090\.sock$/);
});

test('the environment is above the file', () => {
  const config = load(
    {
      SWITCHYARD_WEBRTC_PORT: '8081',
      SWITCHYARD_WEBRTC_MEDIA_ADDRESSES: '127.0.0.1, 192.0.2.1',
      SWITCHYARD_WEBRTC_TURN_URLS: 'turn:t.example.com,stun:s.example.com',
      SWITCHYARD_WEBRTC_TURN_SECRET: '4711',
      SWITCHYARD_DRAIN_SECONDS: '2.5',
      SWITCHYARD_APPS: `acme:${SECRET},beta:${SECRET}:with:colons`,
      SWITCHYARD_LINK_SECRET: '12345678901234567890',
    },
    'webrtc: { port: 1, host: 127.0.0.2 }\nlog: { level: warn }\n',
  );
  expect(config).toMatchObject({
    log: { level: 'warn' },
    webrtc: {
      port: 8081,
      host: '127.0.0.2',
      mediaAddresses: ['127.0.0.1', '192.0.2.1'],
      turnUrls: ['turn:t.example.com', 'stun:s.example.com'],
      turnSecret: '4711',
      turnTtlSeconds: 86_400,
    },
    drainSeconds: 2.5,
    apps: [
      { id: 'acme', secret: SECRET },
      { id: 'beta', secret: `${SECRET}:with:colons` },
    ],
    link: { secret: '12345678901234567890' },
  });
});

test.for<{ name: string; env?: Record<string, string>; yaml?: string; says: string }>([
  { name: 'an unknown section', yaml: 'wbrtc: {}', says: 'Unknown setting wbrtc.' },
  { name: 'an unknown key', yaml: 'webrtc: { prot: 1 }', says: 'Unknown setting webrtc.prot.' },
  { name: 'an unknown key of an app', yaml: `apps: [{ id: a, secrets: x }]`, says: 'apps.0.secrets' },
  { name: 'an unknown variable', env: { SWITCHYARD_WEBRTC_PROT: '1' }, says: 'SWITCHYARD_WEBRTC_PROT' },
  { name: 'a variable of no section', env: { SWITCHYARD_PORT: '1' }, says: 'SWITCHYARD_PORT' },
  { name: 'a wrong type', yaml: 'rtmp: { port: http }', says: 'Setting rtmp.port' },
  { name: 'a number out of range', yaml: 'rtmp: { port: 70000 }', says: 'Setting rtmp.port' },
  { name: 'no YAML', yaml: 'a: [', says: 'is not valid YAML' },
  { name: 'a list', yaml: '- a', says: 'must be a mapping of sections' },
  {
    name: 'a file that is not there',
    env: { SWITCHYARD_CONFIG: '/nowhere' },
    says: '/nowhere cannot be read',
  },
  {
    name: 'a short secret',
    yaml: 'apps: [{ id: acme, secret: short }]',
    says: 'Setting apps.0.secret: must have at least 16 characters.',
  },
  { name: 'an app without a secret', env: { SWITCHYARD_APPS: 'acme' }, says: 'must be id:secret' },
  {
    name: 'an impossible app id',
    yaml: `apps: [{ id: a/b, secret: ${SECRET} }]`,
    says: 'Setting apps.0.id',
  },
  { name: 'an app twice', yaml: `${APP}`.replace('[', `[{ id: acme, secret: ${SECRET}y }, `), says: 'twice' },
  {
    name: 'a link without a secret',
    yaml: 'link: { listen: "127.0.0.1:9091" }',
    says: 'link.listen is 127.0.0.1:9091, but link.secret is not set',
  },
  {
    name: 'a link that is no address',
    yaml: 'link: { core: media }',
    says: 'Setting link.core: must be host:port.',
  },
  {
    name: 'a media address that is a name',
    yaml: 'webrtc: { mediaAddresses: [media.example.com] }',
    says: 'Setting webrtc.mediaAddresses.0: must be an IP address, or announced=bind.',
  },
  {
    name: 'a TURN server that is a web page',
    env: { SWITCHYARD_WEBRTC_TURN_URLS: 'https://example.com' },
    says: 'Setting webrtc.turnUrls.0: must begin with turn:',
  },
  { name: 'crossed RTP ports', yaml: 'sip: { rtpPortMin: 5, rtpPortMax: 4 }', says: 'sip.rtpPortMin' },
])('$name is refused, by name', ({ env, yaml, says }) => {
  expect(() => load(env, yaml)).toThrow(says);
});

describe('a public bind', () => {
  const binds = ['core.httpHost', 'webrtc.host', 'rtmp.host', 'sip.host'].flatMap((key) =>
    ['0.0.0.0', '192.0.2.1', '::', 'example.com', '127.example.com'].map((host) => ({ key, host })),
  );
  test.for(binds)('$key $host needs an app, and the refusal says what to set', ({ key, host }) => {
    const [section, name] = key.split('.');
    const yaml = `${section}: { ${name}: "${host}" }\n`;
    expect(() => load({}, yaml)).toThrow(
      `${key} is ${host}, a public address, but no app is configured, so nobody would be asked for a token. ` +
        `Set apps in switchyard.yaml (or SWITCHYARD_APPS=id:secret), or set ${key} to 127.0.0.1.`,
    );
    expect(load({}, `${APP}${yaml}`)).toMatchObject({ [section ?? '']: { [name ?? '']: host } });
  });

  test.for(['127.0.0.1', '127.9.9.9', 'localhost', '::1'])('%s is none', (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(load({}, `webrtc: { host: "${host}" }`).webrtc.host).toBe(host);
  });
});

test('what is printed at start has no secret in it', () => {
  const config = load(
    { SWITCHYARD_LINK_SECRET: `${SECRET}-link`, SWITCHYARD_LINK_LISTEN: '127.0.0.1:9091' },
    APP,
  );
  const described = describeConfig(config, ['apps', 'core', 'link', 'drainSeconds']);
  expect(described).toMatchObject({
    apps: 'acme:••••',
    'core.httpPort': 9090,
    'link.listen': '127.0.0.1:9091',
    'link.secret': '••••',
    drainSeconds: 30,
  });
  expect(JSON.stringify(described)).not.toContain(SECRET);
});
