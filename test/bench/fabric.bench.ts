/**
 * Rooms that span nodes: what failures of nodes, links and NATS cost (real processes, targets beside), CPU per relayed packet
 * and the delay of a hop, control traffic without streams, and what leaves a publisher's node.
 */
import { controlTraffic } from './fabric/control-traffic.ts';
import { egress } from './fabric/egress.ts';
import { failures } from './fabric/failures.ts';
import { relayCost } from './fabric/relay-cost.ts';
import { printTable } from './table.ts';

printTable('Fabric: a relay, 1,000 bytes a packet', await relayCost());
printTable('Fabric: control traffic of a node without streams', controlTraffic());
printTable('Fabric: what leaves a publisher’s node', egress());
printTable('Fabric: failures', await failures());
