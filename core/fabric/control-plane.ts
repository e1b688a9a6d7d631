import type { PresenceValue, RoomMessage } from '@switchyard/core/engine';
import type { LinkStateReport, NodeRecord, Place } from '@switchyard/core/fabric/mesh';

/** A value of a map and the process that wrote it. */
export interface OwnedValue {
  readonly node: string;
  readonly session: string;
  readonly value: PresenceValue;
}

/** What the control plane tells a node of the others; never of itself. */
export interface ControlPlaneListener {
  memberUp(record: NodeRecord): void;
  memberDown(record: NodeRecord): void;
  linksReported(node: string, report: LinkStateReport): void;
  mapSet(map: string, key: string, value: OwnedValue): void;
  mapDeleted(map: string, key: string): void;
  message(map: string, message: RoomMessage): void;
  /** Other nodes that take browsers, least loaded first; said once a second. @param changed Who they are, or their order. */
  places(places: readonly Place[], changed: boolean): void;
  /** How busy this node is, 0…1. */
  load(): number;
  /** Another node asks. @returns undefined for no answer. */
  asked(question: unknown): unknown;
  /** A datagram that came by the control plane because no other way is open. */
  datagram(node: string, bytes: Uint8Array): void;
  /** When a node was heard on the mesh last, milliseconds of {@link ControlPlane}'s clock; −Infinity for never. */
  meshHeardMs(node: string): number;
}

/** How nodes learn of each other: membership, rooms' maps, messages and what links cost. Media does not go this way. */
export interface ControlPlane {
  readonly isConnected: boolean;
  /** @throws {Error} with a sentence for the operator when this node may not join. */
  start(record: NodeRecord, listener: ControlPlaneListener): Promise<void>;
  set(map: string, key: string, value: PresenceValue): void;
  delete(map: string, key: string): void;
  watch(map: string): void;
  unwatch(map: string): void;
  subscribeLabel(map: string, label: string): void;
  unsubscribeLabel(map: string, label: string): void;
  send(map: string, message: RoomMessage): void;
  reportLinks(report: LinkStateReport): void;
  /** Asks every other node, and waits until all have answered or a moment has passed. */
  ask(question: object): Promise<readonly unknown[]>;
  sendDatagram(node: string, bytes: Uint8Array): void;
  /** Says goodbye. */
  stop(): Promise<void>;
}
