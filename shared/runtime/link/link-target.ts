import { connect, type Socket } from 'node:net';
import type { Config } from '../config/config.ts';

/** Where a gateway finds its core. */
export type LinkTarget =
  | { readonly path: string }
  | { readonly host: string; readonly port: number; readonly secret: string };

/** `host:port`, an IPv6 host in brackets. */
export function parseHostPort(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return {
    host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(address.slice(colon + 1)),
  };
}

/** The core's Unix socket, or with `link.core` its TCP address. */
export function linkTarget({ core, link }: Config): LinkTarget {
  return link.core === undefined
    ? { path: core.socket }
    : { ...parseHostPort(link.core), secret: link.secret ?? '' };
}

export const describeTarget = (target: LinkTarget): string =>
  'path' in target ? target.path : `${target.host}:${target.port}`;

export function connectTo(target: LinkTarget): Socket {
  if ('path' in target) return connect(target.path);
  return connect({ host: target.host, port: target.port, noDelay: true });
}
