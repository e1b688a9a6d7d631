import type { Endpoint, LocalTrack, Room } from '@switchyard/core/engine';
import type { ClientKind, LocalTrackStatus, RemoteTrackInfo } from '@switchyard/shared/protocol';

interface LayerView {
  readonly spatial: number;
  readonly temporal: number;
  /** Bits per second of this layer alone. */
  readonly bitrateBps: number;
  readonly rid?: string;
  /** Pixels, where the publisher tells. */
  readonly width?: number;
  readonly height?: number;
}

interface TrackView {
  readonly name: string;
  readonly kind: RemoteTrackInfo['kind'];
  readonly codec: RemoteTrackInfo['codec'];
  readonly bitrateBps: number;
  readonly layers: readonly LayerView[];
  readonly metadata?: string;
  /** Smoothed loudness of audio, dBov. */
  readonly levelDbov?: number;
  readonly viewers: number;
}

interface ReceiverView {
  readonly track: number;
  readonly kind: LocalTrack['kind'];
  readonly source: { readonly peer: string; readonly track: string } | null;
  readonly status: LocalTrackStatus;
  readonly current: LocalTrack['current'];
  readonly target: LocalTrack['target'];
  /** What the allocator gives it of the viewer's link, bits per second; 0 for audio. */
  readonly allocatedBps: number;
  readonly reason: string;
  readonly packets: number;
  readonly bytes: number;
}

interface PeerView {
  readonly peer: string;
  /** Node that it is attached to. */
  readonly node: string;
  readonly gateway: ClientKind;
  readonly address?: string;
  readonly metadata?: string;
  readonly joinedAt: string;
  /** False for viewers, which the room does not see. */
  readonly visible: boolean;
  readonly tracks: readonly TrackView[];
  readonly receivers: readonly ReceiverView[];
}

/** One room in the list. */
export interface RoomSummary {
  readonly room: string;
  readonly app: string;
  readonly createdAt: string;
  readonly peers: number;
  readonly tracks: number;
  readonly viewers: number;
}

export interface RoomView extends Omit<RoomSummary, 'peers' | 'tracks'> {
  readonly peers: readonly PeerView[];
}

export function summarize(room: Room): RoomSummary {
  let tracks = 0;
  let visible = 0;
  for (const peer of room.peers.values()) {
    tracks += peer.tracks.size;
    if (peer.shown) visible += 1;
  }
  return {
    room: room.name,
    app: room.app,
    createdAt: new Date(room.createdMs).toISOString(),
    peers: visible,
    tracks,
    viewers: [...room.endpoints].filter(({ showsPeer }) => !showsPeer).length,
  };
}

/** The room as `node` has it: with the people who are attached there. */
export function describeRoom(room: Room, node: string): RoomView {
  const { peers: _peers, tracks: _tracks, ...summary } = summarize(room);
  return { ...summary, peers: [...room.endpoints].map((endpoint) => describePeer(endpoint, node)) };
}

function describePeer(endpoint: Endpoint, node: string): PeerView {
  return {
    peer: endpoint.peer,
    node,
    gateway: endpoint.client,
    ...(endpoint.address === undefined ? {} : { address: endpoint.address }),
    ...(endpoint.metadata === undefined ? {} : { metadata: endpoint.metadata }),
    joinedAt: new Date(endpoint.openedMs).toISOString(),
    visible: endpoint.showsPeer,
    tracks: [...endpoint.remoteTracks.values()].map(({ info, fan }) => ({
      name: info.name,
      kind: info.kind,
      codec: info.codec,
      bitrateBps: Math.round(fan.meter.totalBps),
      layers: layersOf(info, (spatial, temporal) => fan.meter.layerBps(spatial, temporal)),
      ...(info.metadata === undefined ? {} : { metadata: info.metadata }),
      ...(info.kind === 'audio' ? { levelDbov: Math.round(fan.levelDbov) } : {}),
      viewers: fan.subscriberCount,
    })),
    receivers: [...endpoint.localTracks.values()].map((track) => ({
      track: track.id,
      kind: track.kind,
      source: track.source ?? null,
      status: track.status,
      current: track.current,
      target: track.target,
      allocatedBps: Math.round(track.allocatedBps),
      reason: track.reason,
      packets: track.packets,
      bytes: track.bytes,
    })),
  };
}

/** Layers that sent something in the last second. */
function layersOf(info: RemoteTrackInfo, bps: (spatial: number, temporal: number) => number): LayerView[] {
  const layers: LayerView[] = [];
  for (let spatial = 0; spatial < 4; spatial += 1)
    for (let temporal = 0; temporal < 4; temporal += 1) {
      const bitrateBps = Math.round(bps(spatial, temporal));
      const { rid, width, height } = info.layers[spatial] ?? {};
      if (bitrateBps > 0)
        layers.push({
          spatial,
          temporal,
          bitrateBps,
          ...(rid === undefined ? {} : { rid }),
          ...(width === undefined || height === undefined ? {} : { width, height }),
        });
    }
  return layers;
}

export interface CallView {
  readonly room: string;
  readonly peer: string;
  readonly address?: string;
  readonly metadata?: string;
  readonly joinedAt: string;
  /** Sends audio into the room. */
  readonly speaks: boolean;
  /** Voices that are mixed for it now. */
  readonly hears: number;
}

/** One phone in a room. */
export function describeCall(room: Room, endpoint: Endpoint): CallView {
  const { peer, address, metadata, openedMs, remoteTracks, localTracks } = endpoint;
  return {
    room: room.name,
    peer,
    ...(address === undefined ? {} : { address }),
    ...(metadata === undefined ? {} : { metadata }),
    joinedAt: new Date(openedMs).toISOString(),
    speaks: remoteTracks.size > 0,
    hears: [...localTracks.values()].filter(({ status }) => status === 'active').length,
  };
}
