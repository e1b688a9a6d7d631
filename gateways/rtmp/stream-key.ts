import { isName } from '@switchyard/shared/protocol';

/** Where an RTMP client wants to go. */
export interface StreamKey {
  readonly room: string;
  readonly peer: string;
}

/** Peer name of a publisher that says none. */
export const DEFAULT_PEER: string = 'rtmp';

/** `{room}` or `{room}/{peer}`, either with a query. @returns A sentence when it is neither. */
export function readStreamKey(app: string, key: string): StreamKey | string {
  const [path = ''] = key.split('?');
  // Some encoders put a part of the key into the application: rtmp://host/live/room with the key peer.
  const [name, ...before] = app.split('/');
  if (name !== 'live') return `The server address must end in /live, not in /${name?.slice(0, 64)}.`;
  const [room = '', peer = DEFAULT_PEER, ...rest] = [...before, ...path.split('/')].filter(
    (part) => part !== '',
  );
  if (!isName(room) || !isName(peer) || rest.length > 0)
    return 'The stream key must be ROOM or ROOM/PEER, each of 1 to 64 letters, digits or any of . _ ~ @ + -';
  return { room, peer };
}
