import { at, figure, getJson, list, text } from './read-json.ts';

/** What the core says of its rooms (`/v1/rooms`, through the gateway at `/api/core`), as far as the console shows it. */
export interface LiveLayer {
  /** The encoding's rid, or `S0`, `S1`… */
  readonly label: string;
  readonly bitrateBps: number;
}

export interface LiveTrack {
  readonly name: string;
  readonly codec: string;
  /** Lowest first; temporal layers are added up. */
  readonly layers: readonly LiveLayer[];
  readonly bitrateBps: number | undefined;
}

export interface LiveReceiver {
  readonly peer: string;
  readonly track: string;
  readonly status: string;
  /** `S1 T2`; a dash for none. */
  readonly current: string;
  readonly target: string;
  readonly reason: string;
}

export interface LivePeer {
  readonly name: string;
  /** `sdk`, `whip`, `whep`, `rtmp`, `sip`. */
  readonly client: string;
  readonly tracks: readonly LiveTrack[];
  readonly receivers: readonly LiveReceiver[];
}

export interface LiveRoom {
  readonly name: string;
  readonly peerCount: number;
  readonly viewerCount: number;
  /** Undefined: not asked for. */
  readonly peers: readonly LivePeer[] | undefined;
}

const ROOMS_URL = '/api/core/v1/rooms';
/** Rooms whose peers are asked for, the fullest first. */
const DETAILS_MAX = 12;

const layerName = (value: unknown): string => {
  const spatial = figure(value, 'spatial');
  return spatial === undefined ? '–' : `S${spatial} T${figure(value, 'temporal') ?? 0}`;
};

const readLayers = (track: unknown): readonly LiveLayer[] => {
  const bySpatial = new Map<number, LiveLayer>();
  for (const layer of list(track, 'layers')) {
    const spatial = figure(layer, 'spatial') ?? 0;
    const label = text(layer, 'rid') || `S${spatial}`;
    const bitrateBps = (bySpatial.get(spatial)?.bitrateBps ?? 0) + (figure(layer, 'bitrateBps') ?? 0);
    bySpatial.set(spatial, { label, bitrateBps });
  }
  return [...bySpatial].sort(([a], [b]) => a - b).map(([, layer]) => layer);
};

const readTrack = (track: unknown): LiveTrack => ({
  name: text(track, 'name'),
  codec: text(track, 'codec'),
  layers: readLayers(track),
  bitrateBps: figure(track, 'bitrateBps'),
});

const readReceiver = (receiver: unknown): LiveReceiver => ({
  peer: text(at(receiver, 'source'), 'peer'),
  track: text(at(receiver, 'source'), 'track'),
  status: text(receiver, 'status'),
  current: layerName(at(receiver, 'current')),
  target: layerName(at(receiver, 'target')),
  reason: text(receiver, 'reason'),
});

const readPeer = (peer: unknown): LivePeer => ({
  name: text(peer, 'peer'),
  client: text(peer, 'gateway'),
  tracks: list(peer, 'tracks').map(readTrack),
  receivers: list(peer, 'receivers')
    .map(readReceiver)
    // A slot that waits for a source says nothing.
    .filter(({ track }) => track !== ''),
});

/** One room of the list, or one by itself, which lists its peers instead of counting them. */
export const readRoom = (room: unknown): LiveRoom => {
  const peers = at(room, 'peers');
  const isList = Array.isArray(peers);
  return {
    name: text(room, 'room'),
    peerCount: isList
      ? peers.filter((peer) => at(peer, 'visible') !== false).length
      : (figure(room, 'peers') ?? 0),
    viewerCount: figure(room, 'viewers') ?? 0,
    peers: isList ? peers.map(readPeer) : undefined,
  };
};

export const readRooms = (answer: unknown): readonly LiveRoom[] => list(answer, 'rooms').map(readRoom);

/** All rooms; the first ones with their peers. @throws when the core or the gateway is not to be reached. */
export const fetchRooms = async (
  first: string | undefined,
  token: string | undefined,
): Promise<readonly LiveRoom[]> => {
  const rooms = [...readRooms(await getJson(ROOMS_URL, token))].sort(
    (a, b) =>
      Number(b.name === first) - Number(a.name === first) ||
      b.peerCount - a.peerCount ||
      a.name.localeCompare(b.name),
  );
  return Promise.all(
    rooms.map(async (room, index) => {
      if (index >= DETAILS_MAX) return room;
      try {
        return readRoom(await getJson(`${ROOMS_URL}/${encodeURIComponent(room.name)}`, token));
      } catch {
        // It ended between the two questions.
        return room;
      }
    }),
  );
};
