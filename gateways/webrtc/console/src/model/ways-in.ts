/** Where another gateway listens, as `/api/entry` tells. */
export interface EntryPoint {
  readonly host: string;
  readonly port: number;
}

export interface EntryPoints {
  readonly rtmp: EntryPoint;
  readonly sip: EntryPoint;
}

export const DEFAULT_ENTRY_POINTS: EntryPoints = {
  rtmp: { host: '127.0.0.1', port: 1935 },
  sip: { host: '127.0.0.1', port: 5060 },
};

export interface WaysIn {
  readonly link: string;
  readonly rtmpServer: string;
  readonly rtmpKey: string;
  readonly sip: string;
  readonly whip: string;
  readonly whep: string;
}

const EVERYWHERE: readonly string[] = ['0.0.0.0', '::', ''];

/** An address for a person: without the port that everybody assumes. */
const address = ({ host, port }: EntryPoint, pageHost: string, usualPort: number): string => {
  const name = EVERYWHERE.includes(host) ? pageHost : host;
  const bracketed = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  return port === usualPort ? bracketed : `${bracketed}:${port}`;
};

/** How to come into `room` by everything that speaks to it. */
export const waysIn = (
  room: string,
  page: { readonly origin: string; readonly hostname: string },
  points: EntryPoints,
): WaysIn => ({
  link: `${page.origin}/?room=${encodeURIComponent(room)}`,
  rtmpServer: `rtmp://${address(points.rtmp, page.hostname, 1935)}/live`,
  rtmpKey: room,
  sip: `sip:${room}@${address(points.sip, page.hostname, 5060)}`,
  whip: `${page.origin}/whip/${encodeURIComponent(room)}`,
  whep: `${page.origin}/whep/${encodeURIComponent(room)}`,
});

/** Asks the gateway; its defaults when it does not say. */
export const fetchEntryPoints = async (): Promise<EntryPoints> => {
  try {
    const response = await fetch('/api/entry');
    const told: unknown = response.ok ? await response.json() : undefined;
    return { rtmp: point(told, 'rtmp'), sip: point(told, 'sip') };
  } catch {
    return DEFAULT_ENTRY_POINTS;
  }
};

const point = (told: unknown, key: 'rtmp' | 'sip'): EntryPoint => {
  const value: unknown = typeof told === 'object' && told !== null ? Reflect.get(told, key) : undefined;
  if (typeof value !== 'object' || value === null) return DEFAULT_ENTRY_POINTS[key];
  const host: unknown = Reflect.get(value, 'host');
  const port: unknown = Reflect.get(value, 'port');
  return typeof host === 'string' && typeof port === 'number' ? { host, port } : DEFAULT_ENTRY_POINTS[key];
};
