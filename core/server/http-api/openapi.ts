/** What the API says of itself: shared parts of the OpenAPI document. */

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const flag = { type: 'boolean' } as const;
const time = { type: 'string', format: 'date-time' } as const;

interface ObjectSchema {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, object>>;
}

/** An object of these properties and no others; names that end in `?` may be absent. */
function object(properties: Readonly<Record<string, object>>): ObjectSchema {
  const plain = (key: string): string => key.replace(/\?$/, '');
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties).filter((key) => !key.endsWith('?')),
    properties: Object.fromEntries(Object.entries(properties).map(([key, schema]) => [plain(key), schema])),
  };
}

const list = (items: object): object => ({ type: 'array', items });
const described = (schema: object, description: string): object => ({ ...schema, description });
const ref = (name: string): object => ({ $ref: `${name}#` });

const layer = object({ spatial: count, temporal: count });
const layerOrNone = { anyOf: [layer, { type: 'null' }] };

const summary = {
  room: text,
  app: described(text, 'Tenant; `default` while no app is configured.'),
  createdAt: time,
  viewers: described(count, 'Clients that the room does not see.'),
};

const figures = {
  node: text,
  uptimeSeconds: count,
  rooms: count,
  endpoints: count,
  gateways: list(ref('Gateway')),
};

/** Named schemas; fastify resolves `Name#`. */
export const SCHEMAS: readonly ({ readonly $id: string } & ObjectSchema)[] = [
  {
    $id: 'Problem',
    ...object({
      type: text,
      title: described(text, 'A sentence for a person.'),
      status: count,
      code: described(text, 'For programs: one of the error codes that all protocols share.'),
      'detail?': described(text, 'The key or value that is wrong.'),
    }),
  },
  {
    $id: 'Gateway',
    ...object({
      kind: { type: 'string', enum: ['webrtc', 'rtmp', 'sip'] },
      name: text,
      endpoints: count,
      droppedFrames: count,
      queuedBytes: count,
    }),
  },
  { $id: 'Health', ...object({ status: text, ...figures }) },
  {
    $id: 'Node',
    ...object({
      self: described(
        flag,
        'The node that answers; of the others it knows what follows `zone`, and the link to them.',
      ),
      node: text,
      zone: text,
      'relay?': flag,
      'addresses?': list(text),
      'link?': {
        anyOf: [
          object({
            rttMs: number,
            loss: described(number, 'Share of probes that were lost, 0 to 1.'),
            costMs: { anyOf: [described(number, 'What routes count with.'), { type: 'null' }] },
            streamsIn: count,
            streamsOut: count,
            packetsIn: count,
            packetsOut: count,
            bytesIn: described(count, 'Media and control, without IP and UDP headers.'),
            bytesOut: count,
            repaired: described(count, 'Packets that were lost and came again.'),
            lost: count,
            refused: described(
              count,
              'Datagrams that were forged, replayed, malformed or of another version.',
            ),
          }),
          { type: 'null' },
        ],
      },
      'status?': text,
      'load?': described(number, 'Share of time that the event loop works, 0 to 1.'),
      'overloaded?': flag,
      'controlConnected?': described(
        flag,
        'Whether NATS can be reached: while not, streams go on and rooms do not change. Absent for a node alone.',
      ),
      ...Object.fromEntries(
        Object.entries(figures)
          .filter(([name]) => name !== 'node')
          .map(([name, schema]) => [`${name}?`, schema]),
      ),
    }),
  },
  {
    $id: 'StreamRoute',
    ...object({
      stream: described(text, 'App, room, peer and track.'),
      publisher: described(text, 'Node that it comes from.'),
      route: described(list(text), 'Nodes from the publisher to this one.'),
      downstreams: described(list(text), 'Nodes that take it from this one.'),
      layers: described(count, 'Bit n: spatial layer n is carried on.'),
    }),
  },
  {
    $id: 'RoomSummary',
    ...object({ ...summary, peers: count, tracks: count }),
  },
  {
    $id: 'Track',
    ...object({
      name: text,
      kind: { type: 'string', enum: ['audio', 'video'] },
      codec: text,
      bitrateBps: number,
      layers: described(
        list(
          object({
            spatial: count,
            temporal: count,
            bitrateBps: number,
            'rid?': text,
            'width?': count,
            'height?': count,
          }),
        ),
        'Layers that sent something in the last second, each with its own bitrate.',
      ),
      'metadata?': text,
      'levelDbov?': described(number, 'Loudness of audio, dBov.'),
      viewers: count,
    }),
  },
  {
    $id: 'Receiver',
    ...object({
      track: count,
      kind: { type: 'string', enum: ['audio', 'video'] },
      source: { anyOf: [object({ peer: text, track: text }), { type: 'null' }] },
      status: text,
      current: described(layerOrNone, 'The layer that flows.'),
      target: described(layerOrNone, 'The layer that is wanted.'),
      allocatedBps: described(number, "What it is given of the viewer's link, bits per second; 0 for audio."),
      reason: described(text, 'Why it is not a higher one.'),
      packets: count,
      bytes: count,
    }),
  },
  {
    $id: 'Peer',
    ...object({
      peer: text,
      node: described(text, 'Node that it is attached to.'),
      gateway: described({ type: 'string', enum: ['sdk', 'whip', 'whep', 'rtmp', 'sip'] }, 'How it came in.'),
      'address?': text,
      'metadata?': text,
      joinedAt: time,
      visible: described(flag, 'False for viewers, which the room does not see.'),
      tracks: list(ref('Track')),
      receivers: list(ref('Receiver')),
    }),
  },
  { $id: 'Room', ...object({ ...summary, peers: list(ref('Peer')) }) },
  {
    $id: 'Call',
    ...object({
      room: text,
      peer: text,
      'address?': text,
      'metadata?': text,
      joinedAt: time,
      speaks: described(flag, 'Sends audio into the room.'),
      hears: described(count, 'Voices that are mixed for it now.'),
    }),
  },
];

const problem = (description: string): object => ({
  description,
  content: { 'application/problem+json': { schema: ref('Problem') } },
});

/** Answers of every route that asks who one is. */
export const PROBLEMS: Readonly<Record<string, object>> = {
  400: problem('Something in the request is wrong.'),
  401: problem('No credentials, or wrong or expired ones.'),
  403: problem('These credentials do not allow it.'),
  404: problem('There is no such thing.'),
};

/** In development mode nobody is asked. */
export const secured: Readonly<Record<string, readonly string[]>>[] = [{ bearer: [] }, { basic: [] }];

export const nameParameters = (...names: readonly string[]): object =>
  object(Object.fromEntries(names.map((name) => [name, { type: 'string', maxLength: 64 }])));

export const OPENAPI: {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, { type: 'http'; scheme: string; description: string }>>;
  };
} = {
  openapi: '3.1.0',
  info: {
    title: 'Switchyard',
    version: '1',
    description:
      'Rooms, tokens and figures of a core. Errors are problem+json (RFC 9457) with the codes of all protocols.',
  },
  components: {
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'The secret of an app, or one of its tokens with the permission admin.',
      },
      basic: { type: 'http', scheme: 'basic', description: 'Id and secret of an app.' },
    },
  },
};
