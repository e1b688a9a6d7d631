/** A node's fabric without a server around it: real NATS, real UDP. Started by {@link MeshBenchNode}, never by hand. */
import type { Channel, PresenceValue } from '@switchyard/core/engine';
import { MeshFabric, NatsControl } from '@switchyard/core/fabric';
import { emptyMediaPacket } from '@switchyard/shared/media';
import { createLogger } from '@switchyard/shared/runtime';
import { Histogram } from '../load/histogram.ts';
import type { MeshFigures, MeshNodeOptions, MeshReply, MeshRequest } from './mesh-messages.ts';

const ROOM = 'bench/room';
const PEER = 'source';
const TRACK = 'video';
const PAYLOAD_BYTES = 1000;
const TICK_MS = 1;
/** Never more at once after a pause of the machine. */
const CATCH_UP_PACKETS = 200;

const options = JSON.parse(process.argv[2] ?? '{}') as MeshNodeOptions;
const logger = createLogger('bench', 'warn');
const nowMs = (): number => performance.timeOrigin + performance.now();
/** The machine's monotonic clock, the same in every process. */
const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const { node, zone, relay, host, port, nats, role } = options;
const fabric = new MeshFabric({
  node,
  zone,
  relay,
  session: `${node}.${process.pid}`,
  secret: 'what every node of the bench knows',
  url: '',
  host,
  port,
  announce: [],
  transport: 'udp',
  udpBursts: process.env['SWITCHYARD_UDP_BURSTS'] !== 'false',
  control: new NatsControl({ servers: nats, replicas: 1, logger }),
  logger,
  load: () => 0,
  nowMs,
});
const channel: Channel = { id: 1, name: `${ROOM}/${PEER}/${TRACK}` };
const delays = new Histogram();
const packet = { ...emptyMediaPacket('vp8'), payload: Buffer.alloc(PAYLOAD_BYTES, 0x55) };
let packets = 0;
let packetsPerSecond = 0;
let due = 0;
let tickedMs = monotonicMs();
let mediaBefore = { in: 0, out: 0 };

function tick(): void {
  const now = monotonicMs();
  due = Math.min(CATCH_UP_PACKETS, due + ((now - tickedMs) * packetsPerSecond) / 1000);
  tickedMs = now;
  for (; due >= 1; due -= 1) {
    packet.seq = (packet.seq + 1) & 0xffff;
    packet.captureMs = nowMs();
    packet.payload.writeDoubleBE(monotonicMs(), 0);
    fabric.publish(channel, packet, packet.captureMs);
    packets += 1;
  }
}

function media(): { in: number; out: number } {
  let [incoming, outgoing] = [0, 0];
  for (const { traffic } of fabric.mesh.links) {
    incoming += traffic.mediaIn;
    outgoing += traffic.mediaOut;
  }
  return { in: incoming, out: outgoing };
}

function figures(): MeshFigures {
  const { in: mediaIn, out: mediaOut } = media();
  return {
    packets,
    delayP50Ms: delays.percentile(0.5),
    delayP99Ms: delays.percentile(0.99),
    route: fabric.view().streams[0]?.route ?? [],
    mediaIn: mediaIn - mediaBefore.in,
    mediaOut: mediaOut - mediaBefore.out,
  };
}

async function handle(request: MeshRequest): Promise<MeshFigures | undefined> {
  switch (request.type) {
    case 'rate':
      packetsPerSecond = request.packetsPerSecond;
      return undefined;
    case 'reset':
      packets = 0;
      delays.reset();
      mediaBefore = media();
      return undefined;
    case 'figures':
      return figures();
    case 'stop':
      await fabric.stop();
      return undefined;
  }
}

fabric.attach({
  channelMedia: (_, { payload }) => {
    packets += 1;
    delays.add(monotonicMs() - Buffer.from(payload.buffer, payload.byteOffset, 8).readDoubleBE(0));
  },
  channelFeedback: () => {},
  mapSet: () => {},
  mapDeleted: () => {},
  message: () => {},
});
await fabric.start();
if (role === 'publish') {
  const track: PresenceValue = {
    kind: 'track',
    peer: PEER,
    session: 's',
    info: { name: TRACK, kind: 'video', codec: 'vp8', layers: [{}] },
  };
  fabric.set(ROOM, `track/${PEER}/${TRACK}`, track, nowMs());
  fabric.subscribe(channel);
  setInterval(tick, TICK_MS);
} else if (role === 'view') {
  fabric.watch(ROOM);
  fabric.subscribe(channel);
}

process.on('message', ({ id, request }: { readonly id: number; readonly request: MeshRequest }) => {
  void handle(request).then((result) => {
    process.send?.({ id, ...(result === undefined ? {} : { figures: result }) } satisfies MeshReply);
    if (request.type === 'stop') process.exit();
  });
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0 } satisfies MeshReply);
