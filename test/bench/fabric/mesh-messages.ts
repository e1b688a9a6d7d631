/** What goes between the bench and a node of its mesh, as JSON over the IPC channel. */
export interface MeshNodeOptions {
  readonly node: string;
  readonly zone: string;
  readonly relay: boolean;
  readonly host: string;
  readonly port: number;
  readonly nats: readonly string[];
  /** `publish`: sends stamped packets; `view`: takes them; `relay`: has no part in it itself. */
  readonly role: 'publish' | 'view' | 'relay';
}

export interface MeshFigures {
  /** Sent by the publisher, or seen by a viewer. */
  readonly packets: number;
  /** From the publisher's call to the viewer's, milliseconds. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  /** Nodes from the publisher to this one. */
  readonly route: readonly string[];
  /** Media datagrams of all links, since the last reset. */
  readonly mediaIn: number;
  readonly mediaOut: number;
}

export type MeshRequest =
  | { readonly type: 'rate'; readonly packetsPerSecond: number }
  | { readonly type: 'reset' }
  | { readonly type: 'figures' }
  | { readonly type: 'stop' };

export interface MeshReply {
  readonly id: number;
  readonly figures?: MeshFigures;
}
