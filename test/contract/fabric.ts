import type {
  Channel,
  ChannelFeedback,
  Fabric,
  FabricListener,
  PresenceValue,
  RoomMessage,
} from '@switchyard/core/engine';
import { emptyMediaPacket, type MediaPacket } from '@switchyard/shared/media';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../harness/wait.ts';

/** What a fabric tells an engine, noted. */
export class RecordingListener implements FabricListener {
  readonly map = new Map<string, PresenceValue>();
  readonly media: { readonly channel: string; readonly packet: MediaPacket }[] = [];
  readonly feedback: ChannelFeedback[] = [];
  readonly messages: RoomMessage[] = [];

  channelMedia({ name }: Channel, packet: MediaPacket): void {
    this.media.push({
      channel: name,
      packet: {
        ...packet,
        payload: Uint8Array.from(packet.payload),
        dependencyDescriptor: Uint8Array.from(packet.dependencyDescriptor),
      },
    });
  }
  channelFeedback(_: Channel, feedback: ChannelFeedback): void {
    this.feedback.push(feedback);
  }
  mapSet(map: string, key: string, value: PresenceValue): void {
    this.map.set(`${map} ${key}`, value);
  }
  mapDeleted(map: string, key: string): void {
    this.map.delete(`${map} ${key}`);
  }
  message(_: string, message: RoomMessage): void {
    this.messages.push(message);
  }
}

export interface FabricNode {
  readonly fabric: Fabric;
  readonly listener: RecordingListener;
  readonly nowMs: () => number;
}

export interface FabricSetup {
  /** Where things are said, and where they are heard: the same node for a fabric of one. */
  readonly here: FabricNode;
  readonly there: FabricNode;
  close(): Promise<void>;
}

const MAP = 'default/contract';
const PEER: PresenceValue = { kind: 'peer', peer: 'ann', session: 's1', metadata: 'hello' };
const TRACK: PresenceValue = {
  kind: 'track',
  peer: 'ann',
  session: 's1',
  info: { name: 'cam', kind: 'video', codec: 'vp8', layers: [{ rid: 'q' }, { rid: 'h' }] },
};
const CHANNEL = `${MAP}/ann/cam`;

function packetOf(seq: number, spatial: number): MediaPacket {
  return {
    ...emptyMediaPacket('vp8'),
    seq,
    timestamp: 3_000_000_000 + seq * 3000,
    marker: seq % 2 === 0,
    captureMs: Date.now(),
    spatial,
    temporal: seq % 3,
    keyframe: seq % 30 === 0,
    frameStart: true,
    frameEnd: true,
    switchingPoint: true,
    pictureId: seq & 0x7fff,
    pictureIdBits: 15,
    pictureIdOffset: 2,
    tl0PicIdx: seq & 255,
    tl0PicIdxOffset: 4,
    payload: Uint8Array.from({ length: 1100 }, (_, i) => (i + seq) & 255),
  };
}

/** What every fabric promises the engine. */
export function fabricContract(name: string, setup: () => Promise<FabricSetup>): void {
  describe(`${name}: the contract of a fabric`, () => {
    let here: FabricNode;
    let there: FabricNode;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ here, there, close } = await setup());
    });
    afterAll(async () => {
      await close?.();
    });

    const nowMs = (): number => here.nowMs();
    const eventually = async (what: string, condition: () => boolean): Promise<void> => {
      await waitFor(what, condition, 10_000);
    };

    it('tells who watches a map what is there, what comes and what goes', async () => {
      here.fabric.watch(MAP, nowMs());
      here.fabric.set(MAP, 'peer/ann', PEER, nowMs());
      expect(here.listener.map.get(`${MAP} peer/ann`)).toEqual(PEER);
      there.fabric.watch(MAP, nowMs());
      await eventually('what is there', () => there.listener.map.has(`${MAP} peer/ann`));
      expect(there.listener.map.get(`${MAP} peer/ann`)).toEqual(PEER);
      here.fabric.set(MAP, 'track/ann/cam', TRACK, nowMs());
      await eventually('what comes', () => there.listener.map.has(`${MAP} track/ann/cam`));
      expect(there.listener.map.get(`${MAP} track/ann/cam`)).toEqual(TRACK);
      here.fabric.set(MAP, 'peer/bob', { ...PEER, peer: 'bob' }, nowMs());
      await eventually('another', () => there.listener.map.has(`${MAP} peer/bob`));
      here.fabric.delete(MAP, 'peer/bob', nowMs());
      await eventually('what goes', () => !there.listener.map.has(`${MAP} peer/bob`));
    });

    it('tells nothing of a map that nobody watches', async () => {
      here.fabric.set('default/other', 'peer/ann', PEER, nowMs());
      here.fabric.set(MAP, 'peer/eve', { ...PEER, peer: 'eve' }, nowMs());
      await eventually('the watched one', () => there.listener.map.has(`${MAP} peer/eve`));
      expect(there.listener.map.has('default/other peer/ann')).toBe(false);
      here.fabric.delete('default/other', 'peer/ann', nowMs());
    });

    it('brings a message to who hears its label', async () => {
      there.fabric.subscribeLabel(MAP, 'chat');
      const message = { label: 'chat', peer: 'ann', session: 's1', data: 'hello' };
      await eventually('the message', () => {
        here.fabric.send(MAP, message, nowMs());
        here.fabric.send(MAP, { ...message, label: 'other' }, nowMs());
        return there.listener.messages.length > 0;
      });
      expect(there.listener.messages[0]).toEqual(message);
      expect(there.listener.messages.every(({ label }) => label === 'chat')).toBe(true);
      there.fabric.unsubscribeLabel(MAP, 'chat');
    });

    it('brings feedback to the publisher', async () => {
      const published: Channel = { id: 0, name: CHANNEL };
      here.fabric.subscribe(published);
      const channel: Channel = here === there ? published : { id: 5, name: CHANNEL };
      there.fabric.subscribe(channel);
      await eventually('a keyframe request', () => {
        there.fabric.feedback(channel, { type: 'keyframe', spatial: 1 }, there.nowMs());
        return here.listener.feedback.some(({ type }) => type === 'keyframe');
      });
      const demand = { count: 2, minBps: 100_000, maxBps: 400_000, sumBps: 500_000, layers: 0b11 };
      await eventually('the demand', () => {
        there.fabric.feedback(channel, { type: 'demand', node: 'there', demand }, there.nowMs());
        return here.listener.feedback.some(
          (each) => each.type === 'demand' && each.demand.maxBps === 400_000 && each.demand.layers === 0b11,
        );
      });
    });

    it('brings media as it was, to other nodes, and only the layers that are wanted there', async () => {
      if (here === there) return;
      const published: Channel = { id: 0, name: CHANNEL };
      let seq = 0;
      const publish = (...layers: readonly number[]): void => {
        for (const spatial of layers) {
          seq += 1;
          here.fabric.publish(published, packetOf(seq, spatial), here.nowMs());
        }
      };
      await eventually('the first packet', () => {
        publish(1);
        return there.listener.media.length > 0;
      });
      const { channel, packet } = there.listener.media[0] ?? {};
      expect(channel).toBe(CHANNEL);
      if (packet === undefined) throw new Error('no packet');
      const { captureMs, ...sent } = packetOf(packet.seq, 1);
      const { captureMs: received, ...got } = packet;
      expect(got).toEqual(sent);
      expect(Math.abs(received - captureMs)).toBeLessThan(2000);

      const demand = { count: 1, minBps: 1, maxBps: 1, sumBps: 1, layers: 0b01 };
      there.fabric.feedback(
        { id: 5, name: CHANNEL },
        { type: 'demand', node: 'there', demand },
        there.nowMs(),
      );
      await eventually('only the lower layer comes', () => {
        there.listener.media.length = 0;
        publish(0, 1, 0, 1);
        return there.listener.media.every((each) => each.packet.spatial === 0);
      });
      await eventually('the lower layer goes on', () => {
        publish(0, 1);
        return there.listener.media.length > 20;
      });
      expect(there.listener.media.slice(-10).every((each) => each.packet.spatial === 0)).toBe(true);
    });

    it('brings no media any more to who unsubscribed, and no map to who watches it no more', async () => {
      const channel: Channel = { id: here === there ? 0 : 5, name: CHANNEL };
      there.fabric.unsubscribe(channel);
      there.fabric.unwatch(MAP);
      const before = there.listener.map.size;
      here.fabric.set(MAP, 'peer/zoe', { ...PEER, peer: 'zoe' }, nowMs());
      here.fabric.delete(MAP, 'track/ann/cam', nowMs());
      here.fabric.delete(MAP, 'peer/ann', nowMs());
      expect(there.listener.map.size).toBe(before);
    });
  });
}
