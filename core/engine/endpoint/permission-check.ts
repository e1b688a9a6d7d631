import type { EndpointControl, Permissions, ProtocolError } from '@switchyard/shared/protocol';

type Join = Extract<EndpointControl, { type: 'join' }>;

/** The permission that a control needs; undefined when everybody who is in the room may use it. */
function neededBy(type: EndpointControl['type']): keyof Permissions | undefined {
  switch (type) {
    case 'remote-track-start':
      return 'publish';
    case 'subscribe-peer':
    case 'local-track-attach':
    case 'mixer-attach':
    case 'mixer-config':
      return 'subscribe';
    case 'channel-subscribe':
    case 'channel-publish-start':
    case 'channel-publish':
      return 'data';
    case 'open':
    case 'close':
    case 'join':
    case 'leave':
    case 'update-peer':
    case 'unsubscribe-peer':
    case 'remote-track-update':
    case 'remote-track-stop':
    case 'local-track-detach':
    case 'local-track-config':
    case 'local-track-keyframe-request':
    case 'mixer-detach':
    case 'egress-estimate':
    case 'channel-unsubscribe':
    case 'channel-publish-stop':
      return undefined;
  }
}

/** @returns `not-allowed` with the missing permission as its detail, or undefined. */
export function permissionError(
  { type }: EndpointControl,
  permissions: Permissions,
): ProtocolError | undefined {
  const needed = neededBy(type);
  if (needed === undefined || permissions[needed]) return undefined;
  return { code: 'not-allowed', detail: `the token does not allow to ${PHRASES[needed]}` };
}

const PHRASES: Readonly<Record<keyof Permissions, string>> = {
  publish: 'publish',
  subscribe: 'subscribe',
  data: 'use message channels',
};

/**
 * The join with scopes cut down to what is permitted: clients ask for everything by default, and a token that only
 * publishes shall not refuse them. Who may not subscribe hears nothing of the room; anybody may show itself.
 */
export function narrowJoin(join: Join): Join {
  const { publish, subscribe } = join.permissions;
  if (publish && subscribe) return join;
  return {
    ...join,
    publish: { peer: join.publish.peer, tracks: join.publish.tracks && publish },
    subscribe: { peers: join.subscribe.peers && subscribe, tracks: join.subscribe.tracks && subscribe },
  };
}
