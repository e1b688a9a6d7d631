import { isIP } from 'node:net';
import { NAME_PATTERN, TRACKS_MAX } from '@switchyard/shared/protocol';
import { z } from 'zod';
import { type Config, ConfigError, SECRET_MIN_LENGTH } from './config.ts';

const port = z.int().min(0).max(65_535);
const host = z.string().min(1).max(255);
const secret = z.string().min(SECRET_MIN_LENGTH, `must have at least ${SECRET_MIN_LENGTH} characters`);
/** `host:port`, an IPv6 host in brackets. */
const address = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:[\]/\s]+):\d{1,5}$/, 'must be host:port');

/** An IP address, or two: `announced=bind`. */
const mediaAddress = z
  .string()
  .refine(
    (entry) => entry.split('=').length <= 2 && entry.split('=').every((part) => isIP(part) !== 0),
    'must be an IP address, or announced=bind',
  );
const iceUrl = z
  .string()
  .regex(/^(turns?|stuns?):[^\s"<>]{1,250}$/, 'must begin with turn:, turns:, stun: or stuns:');

/** Defaults stand beside their explanation; a key that is not here is refused. */
const schema = z.strictObject({
  log: z
    .strictObject({
      /** trace, debug, info, warn, error or silent. */
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    })
    .prefault({}),
  /** Tenants. None: development mode, on loopback only and without tokens. With one, tokens are required everywhere. */
  apps: z
    .array(
      z.strictObject({
        id: z.string().regex(NAME_PATTERN, 'takes 1 to 64 letters, digits or any of . _ ~ @ + -'),
        secret,
      }),
    )
    .max(1000)
    .default([]),
  /** How long streams and calls may go on after SIGTERM before they are ended. SIGINT (Ctrl-C) does not wait. */
  drainSeconds: z.number().min(0).max(86_400).default(30),
  /** Media leaves many packets with one system call (Linux); false: one by one, e.g. for a network card that garbles them. */
  udpBursts: z.boolean().default(true),
  core: z
    .strictObject({
      /** HTTP API: health, rooms, metrics. */
      httpHost: host.default('127.0.0.1'),
      httpPort: port.default(9090),
      /** Unix socket on which gateways attach; the default is per user and HTTP port, so that two servers do not meet. */
      socket: z.string().optional(),
      /** Clients (publishers, viewers, calls) of one core; above it new ones are told `overloaded`. */
      maxEndpoints: z.int().min(1).max(1_000_000).default(50_000),
      /** Joins are refused with `overloaded` while the core's event loop is late by more than this, milliseconds. */
      maxEventLoopDelayMs: z.number().min(1).default(250),
    })
    .prefault({}),
  link: z
    .strictObject({
      /** The core also takes gateways of other hosts at this host:port, by TCP; needs `secret`. */
      listen: address.optional(),
      /** A gateway reaches its core at this host:port, by TCP, instead of at `core.socket`; needs `secret`. */
      core: address.optional(),
      /** What both ends prove to know. The link itself is not encrypted: keep it in a private network. */
      secret: secret.optional(),
    })
    .prefault({}),
  fabric: z
    .strictObject({
      /** NATS servers of one cluster, `nats://host:port`: rooms span all nodes that name the same ones. None: one node alone. */
      nats: z.array(z.string().min(1)).max(16).default([]),
      /** Name of this node, unique in the cluster; default: the host's name. */
      node: z.string().regex(NAME_PATTERN, 'takes 1 to 64 letters, digits or any of . _ ~ @ + -').optional(),
      /** Nodes near each other share a zone: a stream crosses to a zone once. */
      zone: z.string().regex(NAME_PATTERN).default('default'),
      /** Carries streams between other nodes too. */
      relay: z.boolean().default(true),
      /** What every node of the cluster knows; needed with `nats`. */
      secret: secret.optional(),
      /** UDP address and port of the mesh between nodes: an address of this machine, not 0.0.0.0. */
      host: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
      port: port.default(7946),
      /** `host:port` that other nodes reach this one at, where it is not the one above (NAT). */
      announce: z.array(address).max(4).default([]),
      /** Where browsers reach this node (`https://a.example.org`), told to sessions that have to move; default: webrtc.host and port. */
      url: z.url({ protocol: /^https?$/ }).optional(),
      /** `nats` sends media by NATS where UDP between nodes is blocked: slower, and TCP stalls under loss. */
      transport: z.enum(['udp', 'nats']).default('udp'),
      natsUser: z.string().optional(),
      natsPassword: z.string().optional(),
      natsToken: z.string().optional(),
      /** Certificate authority of the NATS servers: TLS is used. */
      natsCaFile: z.string().optional(),
      /** Copies of the rooms' bucket: 3 on a NATS cluster. */
      natsReplicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
    })
    .prefault({}),
  webrtc: z
    .strictObject({
      /** Console, WHIP, WHEP and SDK signalling (TCP). */
      host: host.default('127.0.0.1'),
      /** TCP port of the above, and UDP port of all media. */
      port: port.default(8080),
      /**
       * Addresses announced as ICE candidates and bound for media, `announced=bind` behind a 1:1 NAT; default: loopback
       * and every LAN address.
       */
      mediaAddresses: z.array(mediaAddress).min(1).max(32).optional(),
      /** TURN and STUN servers told to SDK, WHIP and WHEP clients, e.g. `turn:turn.example.com:3478?transport=udp`. */
      turnUrls: z.array(iceUrl).max(16).default([]),
      /** coturn's static-auth-secret: each client gets credentials of its own, made with it. */
      turnSecret: z.string().min(1).optional(),
      /** How long those credentials last. */
      turnTtlSeconds: z.int().min(60).max(2_592_000).default(86_400),
      /** `room=min-max` or `*=min-max`: how long after it came viewers show a picture, milliseconds (playout-delay extension). */
      playoutDelay: z.array(z.string()).default([]),
      /** Receive slots that one SDK session may grow to, those of the mixer included. */
      maxReceivers: z.int().min(1).max(TRACKS_MAX).default(TRACKS_MAX),
    })
    .prefault({}),
  rtmp: z
    .strictObject({
      host: host.default('127.0.0.1'),
      port: port.default(1935),
      /** What to do with H.264 that browsers cannot play (B-frames): see the README. */
      transcode: z.enum(['auto', 'passthrough', 'transcode', 'reject']).default('auto'),
    })
    .prefault({}),
  sip: z
    .strictObject({
      host: host.default('127.0.0.1'),
      /** Address that phones are told to send to, behind NAT; default: `host`, or the machine's first address. */
      publicAddress: host.optional(),
      /** UDP and TCP. */
      port: port.default(5060),
      /** RTP ports, one (even) per call. */
      rtpPortMin: port.default(20_000),
      rtpPortMax: port.default(29_999),
    })
    .prefault({}),
});

/** What {@link validateConfig} gives: all defaults filled in but that of the socket. */
export type ValidConfig = Omit<Config, 'core'> & {
  readonly core: Omit<Config['core'], 'socket'> & { readonly socket?: string | undefined };
};

/** Keys of a section; an empty set for a setting of its own (`apps`, `drainSeconds`); undefined for neither. */
export function keysOf(section: string): ReadonlySet<string> | undefined {
  if (!(section in schema.shape)) return undefined;
  const part = schema.shape[section as keyof typeof schema.shape];
  return new Set(part instanceof z.ZodPrefault ? Object.keys(part.unwrap().shape) : []);
}

/** @throws {ConfigError} naming every offending key. */
export function validateConfig(raw: unknown): ValidConfig {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues
      .map((issue) => {
        const path = issue.path.join('.');
        if (issue.code === 'unrecognized_keys')
          return issue.keys
            .map((key) => `Unknown setting ${path === '' ? key : `${path}.${key}`}.`)
            .join(' ');
        return `Setting ${path}: ${issue.message.replace(/\.$/, '')}.`;
      })
      .join(' '),
  );
}
