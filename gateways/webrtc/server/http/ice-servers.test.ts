import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { iceServerLinks, iceServersFor } from './ice-servers.ts';

const urls = ['stun:s.example.com', 'turn:t.example.com:3478?transport=udp', 'turns:t.example.com'];

it("gives each client a name that ends, and coturn's HMAC of it", () => {
  const servers = iceServersFor({ urls, secret: 'north', ttlSeconds: 600 }, 'ann', 1_000_000_500);
  const username = '1000600:ann';
  const credential = createHmac('sha1', 'north').update(username).digest('base64');
  expect(servers).toEqual([{ urls: [urls[0]] }, { urls: [urls[1], urls[2]], username, credential }]);
  expect(iceServerLinks(servers)).toEqual([
    '<stun:s.example.com>; rel="ice-server"',
    ...urls
      .slice(1)
      .map(
        (url) =>
          `<${url}>; rel="ice-server"; username="${username}"; credential="${credential}"; credential-type="password"`,
      ),
  ]);
});

it('tells of no TURN server that it has no secret for, and of nothing when nothing is configured', () => {
  expect(iceServersFor({ urls, secret: undefined, ttlSeconds: 600 }, 'ann', 0)).toEqual([
    { urls: [urls[0]] },
  ]);
  expect(iceServersFor({ urls: [], secret: 'north', ttlSeconds: 600 }, 'ann', 0)).toEqual([]);
});
