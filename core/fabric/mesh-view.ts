import type { MeshNode, NodeRecord } from '@switchyard/core/fabric/mesh';

/** Another node as this one sees it. */
export interface NodeView {
  readonly node: string;
  readonly zone: string;
  readonly relay: boolean;
  readonly addresses: readonly string[];
  readonly link: LinkView | null;
}

export interface LinkView {
  readonly rttMs: number;
  /** Share of probes lost, 0…1. */
  readonly loss: number;
  /** What routes count with; null while the link is down or not measured. */
  readonly costMs: number | null;
  readonly streamsIn: number;
  readonly streamsOut: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Of media and control. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly repaired: number;
  readonly lost: number;
  readonly refused: number;
}

/** A stream that crosses this node. */
export interface StreamView {
  readonly stream: string;
  readonly publisher: string;
  /** Nodes from the publisher to this one. */
  readonly route: readonly string[];
  readonly downstreams: readonly string[];
  /** Bit i: spatial layer i is carried on. */
  readonly layers: number;
}

/** What a node knows of its cluster. */
export interface ClusterView {
  /** The other nodes. */
  readonly nodes: readonly NodeView[];
  readonly streams: readonly StreamView[];
  /** False: what nodes say of themselves and of rooms is not heard now. */
  readonly isControlConnected: boolean;
}

export function viewNodes(mesh: MeshNode, records: Iterable<NodeRecord>): NodeView[] {
  return [...records].map(({ node, zone, relay, addresses }) => {
    const link = mesh.link(node);
    if (link === undefined) return { node, zone, relay, addresses, link: null };
    const { forged, malformed, replayed, version } = link.refused;
    const { mediaIn, mediaOut, mediaBytesIn, mediaBytesOut, controlBytesIn, controlBytesOut } = link.traffic;
    return {
      node,
      zone,
      relay,
      addresses,
      link: {
        rttMs: Math.round(link.rttMs * 10) / 10,
        loss: Math.round(link.loss * 1000) / 1000,
        costMs: Number.isFinite(link.costMs) ? Math.round(link.costMs * 10) / 10 : null,
        streamsIn: link.incoming,
        streamsOut: link.outgoing,
        packetsIn: mediaIn,
        packetsOut: mediaOut,
        bytesIn: mediaBytesIn + controlBytesIn,
        bytesOut: mediaBytesOut + controlBytesOut,
        repaired: link.repaired,
        lost: link.lost,
        refused: forged + malformed + replayed + version,
      },
    };
  });
}

export function viewStreams(mesh: MeshNode): StreamView[] {
  return [...mesh.streams.streams].map((stream) => ({
    stream: stream.name.split(' ')[0] ?? stream.name,
    publisher: stream.publisher,
    route: stream.isPublishedHere ? [mesh.self] : [...stream.path, mesh.self],
    downstreams: [...stream.downstreams],
    layers: stream.layersBeyond,
  }));
}
