import type { JSX } from 'preact';
import type { LivePeer, LiveReceiver, LiveRoom, LiveTrack } from '../model/core-api.ts';
import type { LiveCore } from '../model/live-core.ts';
import { ClusterPanel } from './cluster-panel.tsx';
import { Icon, type IconName } from './icons.tsx';
import { useStore } from './use-store.ts';

/** Kinds of client, as the core names them. */
const CLIENTS: Readonly<Record<string, { readonly icon: IconName; readonly label: string }>> = {
  sdk: { icon: 'browser', label: 'Browser' },
  whip: { icon: 'broadcast', label: 'WHIP' },
  whep: { icon: 'eye', label: 'WHEP' },
  rtmp: { icon: 'broadcast', label: 'RTMP' },
  sip: { icon: 'phone', label: 'Phone' },
};

export const clientOf = (client: string): { readonly icon: IconName; readonly label: string } =>
  CLIENTS[client] ?? { icon: 'browser', label: client === '' ? 'Client' : client };

export interface LivePanelProps {
  readonly live: LiveCore;
  /** Chooses a room; absent: rooms are not for choosing here. */
  readonly onRoom?: (room: string) => void;
}

/** Rooms, peers and tracks as the core sees them, now; and the nodes when there are several. */
export const LivePanel = ({ live, onRoom }: LivePanelProps): JSX.Element => {
  const { rooms, cluster, stale } = useStore(live);
  if (rooms === undefined)
    return stale ? (
      <Empty title="No answer from the core" text="Rooms appear here as soon as it is up." />
    ) : (
      <div class="skeleton" aria-label="Loading" role="status" />
    );
  return (
    <>
      {rooms.length === 0 ? (
        <Empty
          title="The yard is quiet"
          text="Rooms appear here as soon as somebody joins, calls or starts a stream."
        />
      ) : (
        <ul class="live" data-testid="live-rooms" data-stale={stale}>
          {rooms.map((room) => (
            <Room key={room.name} room={room} {...(onRoom === undefined ? {} : { onRoom })} />
          ))}
        </ul>
      )}
      {cluster !== undefined && <ClusterPanel cluster={cluster} />}
    </>
  );
};

const Empty = ({ title, text }: { title: string; text: string }): JSX.Element => (
  <div class="empty" data-testid="live-empty">
    <span class="empty-icon">
      <Icon name="rooms" size={26} />
    </span>
    <p class="empty-title">{title}</p>
    <p class="muted">{text}</p>
  </div>
);

const Room = ({ room, onRoom }: { room: LiveRoom; onRoom?: (room: string) => void }): JSX.Element => (
  <li class="live-room" data-testid="live-room" data-room={room.name}>
    <div class="live-room-head">
      <span class="live-room-name">{room.name}</span>
      <span class="count">{room.peerCount === 1 ? '1 peer' : `${room.peerCount} peers`}</span>
      {onRoom !== undefined && (
        <button type="button" class="button-small" onClick={() => onRoom(room.name)}>
          Choose
        </button>
      )}
    </div>
    {room.peers !== undefined && (
      <ul class="live-peers">
        {room.peers.map((peer) => (
          <Peer key={peer.name} peer={peer} />
        ))}
      </ul>
    )}
  </li>
);

const Peer = ({ peer }: { peer: LivePeer }): JSX.Element => {
  const client = clientOf(peer.client);
  return (
    <li class="live-peer" data-testid="live-peer" data-peer={peer.name} data-client={peer.client}>
      <div class="live-peer-head">
        <Icon name={client.icon} size={16} />
        <span class="live-peer-name">{peer.name}</span>
        <span class="badge">{client.label}</span>
      </div>
      {peer.tracks.length > 0 && (
        <ul class="live-tracks">
          {peer.tracks.map((track) => (
            <Track key={track.name} track={track} />
          ))}
        </ul>
      )}
      {peer.receivers.length > 0 && (
        <details class="live-receivers">
          <summary>
            {peer.receivers.length === 1 ? 'receives 1 track' : `receives ${peer.receivers.length} tracks`}
          </summary>
          <ul>
            {peer.receivers.map((receiver, index) => (
              <ReceiverLine key={`${receiver.peer} ${receiver.track} ${index}`} receiver={receiver} />
            ))}
          </ul>
        </details>
      )}
    </li>
  );
};

const Track = ({ track }: { track: LiveTrack }): JSX.Element => (
  <li class="live-track" data-testid="live-track" data-track={track.name} data-codec={track.codec}>
    <span class="live-track-name">{track.name}</span>
    <span class="live-track-codec">{track.codec.toUpperCase()}</span>
    <span class="live-track-rate">{formatBitrate(track.bitrateBps)}</span>
    {track.layers.length > 1 && (
      <span class="live-track-layers">
        {track.layers.map((layer) => (
          <span class="layer" key={layer.label} data-idle={layer.bitrateBps === 0}>
            {layer.label}
            {layer.bitrateBps > 0 ? ` ${formatBitrate(layer.bitrateBps)}` : ''}
          </span>
        ))}
      </span>
    )}
  </li>
);

const ReceiverLine = ({ receiver }: { receiver: LiveReceiver }): JSX.Element => (
  <li class="live-receiver" data-testid="live-receiver" data-status={receiver.status}>
    <span class="live-receiver-source">
      {receiver.peer} / {receiver.track}
    </span>
    <span>
      {receiver.current === receiver.target ? receiver.current : `${receiver.current} → ${receiver.target}`}
    </span>
    <span class="muted">{receiver.reason === '' ? receiver.status : receiver.reason}</span>
  </li>
);

/** `1.2 Mbps`, `340 kbps`. */
export const formatBitrate = (bps: number | undefined): string => {
  if (bps === undefined) return '';
  return bps >= 999_500 ? `${(bps / 1e6).toFixed(1)} Mbps` : `${Math.round(bps / 1000)} kbps`;
};
