import type { RoomMessage } from '@switchyard/core/engine';
import type { LinkStateReport, NodeRecord } from '@switchyard/core/fabric/mesh';

/** What nodes say of themselves on NATS once a second. */
export interface Heartbeat {
  readonly node: string;
  readonly session: string;
  /** Unix milliseconds of its clock. */
  readonly clockMs: number;
  /** How busy it is, 0…1. */
  readonly load: number;
}

/** @returns undefined for what is no JSON. */
export function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const areStrings = (value: Readonly<Record<string, unknown>>, ...keys: readonly string[]): boolean =>
  keys.every((key) => typeof value[key] === 'string');

export const isHeartbeat = (value: unknown): value is Heartbeat =>
  isRecord(value) &&
  areStrings(value, 'node', 'session') &&
  typeof value['clockMs'] === 'number' &&
  typeof value['load'] === 'number';
export const isRoomMessage = (value: unknown): value is RoomMessage =>
  isRecord(value) && areStrings(value, 'label', 'peer', 'session', 'data');
export const isReport = (value: unknown): value is LinkStateReport =>
  isRecord(value) &&
  typeof value['session'] === 'string' &&
  typeof value['version'] === 'number' &&
  isRecord(value['costsMs']) &&
  Object.values(value['costsMs']).every((cost) => typeof cost === 'number');
export const isNodeRecord = (value: unknown): value is NodeRecord =>
  isRecord(value) &&
  areStrings(value, 'node', 'session', 'zone', 'publicKey', 'url') &&
  typeof value['relay'] === 'boolean' &&
  typeof value['version'] === 'number' &&
  Array.isArray(value['addresses']) &&
  value['addresses'].every((address) => typeof address === 'string');
