import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Fabric, FabricListener } from '@switchyard/core/engine';
import { LocalFabric, MeshFabric, NatsControl } from '@switchyard/core/fabric';
import { type Config, ConfigError, type Logger } from '@switchyard/shared/runtime';
import { now } from './media-core.ts';

/** The fabric that this node is part of, and what it is called there. */
export interface NodeFabric {
  /** Name of the node. */
  readonly node: string;
  /** Name of this process, unique among all nodes and starts. */
  readonly session: string;
  readonly fabric: Fabric & { attach(listener: FabricListener): void };
  /** undefined for a node alone. */
  readonly mesh: MeshFabric | undefined;
}

/**
 * One node in memory, or a node of a cluster when `fabric.nats` is set.
 * @param load How busy this node is, 0…1.
 */
export function createNodeFabric(
  { fabric: config, webrtc, udpBursts }: Pick<Config, 'fabric' | 'webrtc' | 'udpBursts'>,
  logger: Logger,
  load: () => number,
): NodeFabric {
  const suffix = randomBytes(4).toString('hex');
  const { nats, secret } = config;
  if (nats.length === 0) {
    const node = config.node ?? `${hostname()}-${process.pid}`;
    return { node, session: `${node}.${suffix}`, fabric: new LocalFabric(), mesh: undefined };
  }
  if (secret === undefined) throw new ConfigError('fabric.secret is not set.');
  const node = config.node ?? hostname();
  const session = `${node}.${suffix}`;
  const { zone, relay, host, port, announce, transport, natsUser, natsPassword, natsToken, natsCaFile } =
    config;
  const control = new NatsControl({
    servers: nats,
    user: natsUser,
    password: natsPassword,
    token: natsToken,
    replicas: config.natsReplicas,
    tls: natsCaFile === undefined ? undefined : { caFile: natsCaFile },
    logger,
  });
  const mesh = new MeshFabric({
    node,
    zone,
    relay,
    session,
    secret,
    host,
    port,
    announce,
    url: config.url ?? `http://${webrtc.host}:${webrtc.port}`,
    transport,
    udpBursts,
    control,
    logger,
    load,
    nowMs: now,
  });
  return { node, session, fabric: mesh, mesh };
}
