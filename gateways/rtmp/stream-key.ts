import { isName } from '@switchyard/shared/protocol';

/** Where an RTMP client wants to go. */
export interface StreamKey {
  readonly room: string;
  /** Undefined: it says none, and is called {@link DEFAULT_PEER} unless its token names it. */
  readonly peer: string | undefined;
  readonly token: string | undefined;
}

/** Peer name of a publisher that says none. */
export const DEFAULT_PEER: string = 'rtmp';

const tokenOf = (query: string): string | undefined => new URLSearchParams(query).get('token') ?? undefined;

/**
 * `{room}` or `{room}/{peer}`, either with `?token=`; encoders that append to the server address may have it there.
 * @returns A sentence when it is neither.
 */
export function readStreamKey(app: string, key: string): StreamKey | string {
  const [path = '', query = ''] = split(key);
  const [server = '', serverQuery = ''] = split(app);
  // Some encoders put a part of the key into the application: rtmp://host/live/room with the key peer.
  const [name, ...before] = server.replace(/\/+$/, '').split('/');
  if (name !== 'live') return `The server address must end in /live, not in /${name?.slice(0, 64)}.`;
  const [room = '', peer, ...rest] = [...before, ...path.split('/')].filter((part) => part !== '');
  if (!isName(room) || (peer !== undefined && !isName(peer)) || rest.length > 0)
    return 'The stream key must be ROOM or ROOM/PEER, each of 1 to 64 letters, digits or any of . _ ~ @ + -';
  return { room, peer, token: tokenOf(query) ?? tokenOf(serverQuery) };
}

/** Before and after the first question mark. */
function split(text: string): [string, string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
