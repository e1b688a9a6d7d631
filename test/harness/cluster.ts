import { freePorts } from './free-ports.ts';
import { NatsServers } from './nats-server.ts';
import { MeshProxy } from './netem/mesh-proxy.ts';
import { waitFor } from './wait.ts';
import { type ProcessName, Yard } from './yard.ts';

type Gateway = Exclude<ProcessName, 'core'>;

export interface ClusterNode {
  readonly zone: string;
  readonly gateways: readonly Gateway[];
}

interface NodesAnswer {
  readonly nodes: readonly {
    readonly node: string;
    readonly self: boolean;
    readonly link?: {
      readonly rttMs: number;
      readonly costMs: number | null;
      readonly streamsIn: number;
      readonly repaired: number;
    } | null;
  }[];
  readonly streams: readonly {
    readonly stream: string;
    readonly route: readonly string[];
    readonly downstreams: readonly string[];
  }[];
}

let nextNetwork = 30 + Math.floor(Math.random() * 60);

/** Several nodes on this machine, each with its own loopback address, and the NATS servers between them. */
export class Cluster {
  readonly nodes = new Map<string, Yard>();
  readonly nats: NatsServers;

  /** The network between the nodes, where it was asked for. */
  readonly proxy: MeshProxy | undefined;
  /** UDP port on which all nodes listen for each other, each on its own address. */
  readonly meshPort: number;

  private constructor(nats: NatsServers, meshPort: number, proxy: MeshProxy | undefined) {
    this.nats = nats;
    this.meshPort = meshPort;
    this.proxy = proxy;
  }

  static async start(
    nodes: Readonly<Record<string, ClusterNode>>,
    { natsCount = 1, proxied = false }: { readonly natsCount?: 1 | 3; readonly proxied?: boolean } = {},
  ): Promise<Cluster> {
    const port = await freePorts(1);
    nextNetwork += 1;
    const hosts = Object.fromEntries(
      Object.keys(nodes).map((name, i) => [name, { host: `127.0.${nextNetwork}.${i + 1}`, port }]),
    );
    const nats = await NatsServers.start(natsCount);
    const cluster = new Cluster(nats, port, proxied ? await MeshProxy.start(hosts) : undefined);
    for (const [name, { zone, gateways }] of Object.entries(nodes)) {
      const yard = await Yard.start(gateways, {
        SWITCHYARD_FABRIC_NATS: nats.urls.join(','),
        SWITCHYARD_FABRIC_NATS_REPLICAS: `${natsCount}`,
        SWITCHYARD_FABRIC_SECRET: 'what every node of the yard knows',
        SWITCHYARD_FABRIC_NODE: name,
        SWITCHYARD_FABRIC_ZONE: zone,
        SWITCHYARD_FABRIC_HOST: hosts[name]?.host ?? '',
        SWITCHYARD_FABRIC_PORT: `${port}`,
        ...(cluster.proxy === undefined ? {} : { SWITCHYARD_FABRIC_ANNOUNCE: cluster.proxy.addressOf(name) }),
      });
      cluster.nodes.set(name, yard);
    }
    await waitFor('every node knows every other', async () => {
      for (const name of cluster.nodes.keys())
        if ((await cluster.view(name))?.nodes.length !== cluster.nodes.size) return false;
      return true;
    });
    return cluster;
  }

  yard(name: string): Yard {
    const yard = this.nodes.get(name);
    if (yard === undefined) throw new Error(name);
    return yard;
  }

  async view(name: string): Promise<NodesAnswer | undefined> {
    return (await this.yard(name).get('/v1/nodes')) as NodesAnswer | undefined;
  }

  /** Nodes from the publisher to `name` of streams whose name contains `part`. */
  async routes(name: string, part: string): Promise<readonly (readonly string[])[]> {
    const view = await this.view(name);
    return (view?.streams ?? []).filter(({ stream }) => stream.includes(part)).map(({ route }) => route);
  }

  /** Logs of all cores. */
  get log(): string {
    return [...this.nodes].map(([name, yard]) => `--- ${name}\n${yard.log('core')}`).join('\n');
  }

  async stop(): Promise<void> {
    for (const yard of this.nodes.values()) await yard.stop();
    await this.nats.stop();
    this.proxy?.close();
  }
}
