export type { ControlPlane, ControlPlaneListener, OwnedValue } from './control-plane.ts';
export { LocalFabric } from './local-fabric.ts';
export { type FabricCounters, MeshFabric, type MeshFabricOptions } from './mesh-fabric.ts';
export type { ClusterView, LinkView, NodeView, StreamView } from './mesh-view.ts';
export { NatsControl, type NatsControlOptions } from './nats-control.ts';
