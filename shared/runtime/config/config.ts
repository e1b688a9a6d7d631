/** What is wrong with the configuration, as one sentence that names the key. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** A tenant: rooms are its own, and tokens are signed with its secret. */
export interface AppConfig {
  readonly id: string;
  readonly secret: string;
}

/** Shortest secret of an app or of the link, characters: a token's signature is as strong as its key. */
export const SECRET_MIN_LENGTH: number = 16;

/** What a process is configured to do. Every key has a default; config-schema.ts says what each means. */
export interface Config {
  readonly log: { readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' };
  readonly apps: readonly AppConfig[];
  readonly drainSeconds: number;
  readonly udpBursts: boolean;
  readonly core: {
    readonly httpHost: string;
    readonly httpPort: number;
    readonly socket: string;
    readonly maxEndpoints: number;
    readonly maxEventLoopDelayMs: number;
  };
  readonly link: {
    readonly listen?: string | undefined;
    readonly core?: string | undefined;
    readonly secret?: string | undefined;
  };
  readonly fabric: {
    readonly nats: readonly string[];
    readonly node?: string | undefined;
    readonly zone: string;
    readonly relay: boolean;
    readonly secret?: string | undefined;
    readonly host: string;
    readonly port: number;
    readonly announce: readonly string[];
    readonly url?: string | undefined;
    readonly transport: 'udp' | 'nats';
    readonly natsUser?: string | undefined;
    readonly natsPassword?: string | undefined;
    readonly natsToken?: string | undefined;
    readonly natsCaFile?: string | undefined;
    readonly natsReplicas: number;
  };
  readonly webrtc: {
    readonly host: string;
    readonly port: number;
    readonly mediaAddresses?: string[] | undefined;
    readonly playoutDelay: string[];
    readonly maxReceivers: number;
    readonly turnUrls: string[];
    readonly turnSecret?: string | undefined;
    readonly turnTtlSeconds: number;
  };
  readonly rtmp: {
    readonly host: string;
    readonly port: number;
    readonly transcode: 'auto' | 'passthrough' | 'transcode' | 'reject';
  };
  readonly sip: {
    readonly host: string;
    readonly publicAddress?: string | undefined;
    readonly port: number;
    readonly rtpPortMin: number;
    readonly rtpPortMax: number;
  };
}
