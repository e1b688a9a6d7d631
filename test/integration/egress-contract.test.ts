import { endpointId, trackId } from '@switchyard/shared/protocol';
import { openSrtpKernel, SrtpBatch, SrtpKernel, SrtpMemory, SrtpSender } from '@switchyard/shared/srtp';
import { EgressTs } from '../../gateways/webrtc/server/egress/egress-ts.ts';
import { PacketBatch } from '../../gateways/webrtc/server/egress/packet-batch.ts';
import { OutgoingPackets } from '../../gateways/webrtc/server/send/outgoing-packet.ts';
import { PAYLOAD_RING_BYTES, PayloadRing } from '../../gateways/webrtc/server/send/payload-ring.ts';
import { SendCounters } from '../../gateways/webrtc/server/send/send-counters.ts';
import { Slot, type SlotTransport } from '../../gateways/webrtc/server/send/slot.ts';
import { type EgressRig, egressContract } from '../contract/egress.ts';

const NOW_MS = 1_700_000_000_000;

/** The TypeScript egress, with the kernel or without, and clients that never wait. */
function newRig(kernel: SrtpKernel | undefined): EgressRig {
  const memory =
    kernel?.memory ?? new SrtpMemory(Buffer.alloc(PAYLOAD_RING_BYTES + SrtpBatch.memoryBytes + 4096));
  const ring = new PayloadRing(memory);
  const srtp = new SrtpBatch(memory, kernel);
  const received = new Map<string, Buffer[]>();
  const batch = new PacketBatch(srtp, {
    waiting: 0,
    sendPackets: (packets, paths) => {
      for (let i = 0; i < packets.count; i += 1)
        received.get(paths[i]?.key ?? '')?.push(Buffer.from(packets.viewOf(i)));
    },
  });
  const home = { ring, packets: new OutgoingPackets(), batch: srtp, counters: new SendCounters() };
  const egress = new EgressTs(ring, () => NOW_MS);
  return {
    egress,
    flush: () => batch.flush(),
    addViewer: (endpoint, media, profile, keys) => {
      const datagrams: Buffer[] = [];
      const path = { key: `${endpoint}`, address: '127.0.0.1', port: endpoint, socket: 0 };
      received.set(path.key, datagrams);
      const sender = new SrtpSender(profile, keys, kernel);
      let transportSeq = 0;
      const transport: SlotTransport = {
        isOpen: true,
        enqueue: (packet, nowMs) => (packet.slot?.transmit(packet, -1, nowMs) ?? 0) > 0,
        transportSeq: () => {
          transportSeq += 1;
          return transportSeq;
        },
        reserve: () => batch.reserve(),
        send: (...packet) => batch.add(path, sender, ...packet),
      };
      if (media.send === undefined) throw new Error('the m-line does not send');
      const slot = new Slot(media, media.send, 0, home, transport);
      egress.bind(endpointId(endpoint), trackId(1), slot);
      return {
        datagrams,
        resend: (seq) => slot.resend(seq, 0, NOW_MS + 100),
        close: () => {
          slot.close();
          sender.close();
        },
      };
    },
  };
}

egressContract('egress in WebAssembly', () => {
  const kernel = openSrtpKernel(PAYLOAD_RING_BYTES);
  if (!(kernel instanceof SrtpKernel)) throw new Error(kernel.unavailable);
  return newRig(kernel);
});
egressContract('egress without WebAssembly', () => newRig(undefined));
