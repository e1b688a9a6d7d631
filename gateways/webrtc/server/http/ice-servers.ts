import { createHmac } from 'node:crypto';
import type { IceServer } from '@switchyard/shared/protocol';

export interface IceServerOptions {
  /** `turn:`, `turns:` and `stun:` addresses (RFC 7065, RFC 7064). */
  readonly urls: readonly string[];
  /** coturn's `static-auth-secret`; undefined: no credentials are made. */
  readonly secret: string | undefined;
  /** How long credentials last, seconds. */
  readonly ttlSeconds: number;
}

/**
 * ICE servers with credentials of their own for one client, as coturn's `use-auth-secret` checks them: the user name is
 * the time at which they end, the password its HMAC.
 *
 * @param nowMs Unix time, milliseconds.
 */
export function iceServersFor(options: IceServerOptions, client: string, nowMs: number): IceServer[] {
  const { urls, secret, ttlSeconds } = options;
  const isTurn = (url: string): boolean => /^turns?:/.test(url);
  const servers: IceServer[] = [];
  const stun = urls.filter((url) => !isTurn(url));
  if (stun.length > 0) servers.push({ urls: stun });
  const turn = urls.filter(isTurn);
  if (turn.length === 0 || secret === undefined) return servers;
  const username = `${Math.floor(nowMs / 1000) + ttlSeconds}:${client}`;
  const credential = createHmac('sha1', secret).update(username).digest('base64');
  servers.push({ urls: turn, username, credential });
  return servers;
}

/** The same as `Link` headers of WHIP and WHEP (RFC 9725 §4.6). */
export function iceServerLinks(servers: readonly IceServer[]): string[] {
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) =>
      username === undefined || credential === undefined
        ? `<${url}>; rel="ice-server"`
        : `<${url}>; rel="ice-server"; username="${username}"; credential="${credential}"; credential-type="password"`,
    ),
  );
}
