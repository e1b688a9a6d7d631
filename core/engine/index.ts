export { DROP_REASONS, type DropReason } from './endpoint/drop-reason.ts';
export { Endpoint } from './endpoint/endpoint.ts';
export { SWITCH_KINDS, type SwitchKind } from './endpoint/forward-counters.ts';
export type { LocalTrack } from './endpoint/local-track.ts';
export type { RemoteTrack } from './endpoint/remote-track.ts';
export { Engine, TICK_MS } from './engine.ts';
export * from './io.ts';
export type { Room } from './room/room.ts';
