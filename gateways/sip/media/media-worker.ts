/** The thread that carries the audio of all calls: sockets, codecs and mixing, apart from signalling. */
import { createSocket, type Socket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';
import { CallMedia } from './call-media.ts';
import { RtpPorts } from './rtp-ports.ts';
import { Speakers } from './speakers.ts';
import type { AudioTarget, MediaCommand, MediaEvent, MediaWorkerData } from './worker-messages.ts';

const TICK_MS = 5;
/** Ports that are tried when somebody else has one. */
const BIND_TRIES = 10;

interface Open {
  readonly media: CallMedia;
  readonly port: number;
}

const { host, portMin, portMax }: MediaWorkerData = workerData;
const ports = new RtpPorts(portMin, portMax);
const speakers = new Speakers();
const calls = new Map<number, Open>();
/** Calls that were closed while their port was being bound. */
const opening = new Set<number>();

const say = (event: MediaEvent): void => parentPort?.postMessage(event);

async function bind(): Promise<{ socket: Socket; port: number } | undefined> {
  for (let tries = 0; tries < BIND_TRIES; tries += 1) {
    const port = ports.take(performance.now());
    if (port === undefined) return undefined;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const bound = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, host, () => resolve(true));
    });
    if (bound) {
      socket.removeAllListeners('error');
      // ICMP errors of phones that are gone.
      socket.on('error', () => {});
      return { socket, port };
    }
    ports.release(port, performance.now());
  }
  return undefined;
}

async function open(call: number, slots: readonly number[]): Promise<void> {
  opening.add(call);
  const bound = await bind();
  if (!opening.delete(call)) {
    bound?.socket.close();
    if (bound !== undefined) ports.release(bound.port, performance.now());
    return;
  }
  if (bound === undefined) {
    say({ type: 'no-port', call });
    return;
  }
  const listener = {
    onVoice: (payload: Uint8Array, timestamp: number, levelDbov: number): void =>
      say({ type: 'voice', call, payload, timestamp, levelDbov }),
    onSilent: (): void => say({ type: 'silent', call }),
  };
  calls.set(call, {
    media: new CallMedia(bound.socket, slots, speakers, listener, performance.now()),
    port: bound.port,
  });
  say({ type: 'opened', call, port: bound.port });
}

/** Decodes the packet once for all calls that hear its speaker. */
function play(payload: Uint8Array, targets: readonly AudioTarget[]): void {
  let decoded: string | undefined;
  let pcm: Int16Array | undefined;
  for (const { call, slot, timestamp } of targets) {
    const media = calls.get(call)?.media;
    const speaker = media?.speakerOf(slot);
    if (speaker === undefined) continue;
    if (speaker !== decoded) pcm = speakers.decode(speaker, payload);
    decoded = speaker;
    if (pcm !== undefined) media?.play(slot, pcm, timestamp);
  }
}

parentPort?.on('message', (command: MediaCommand) => {
  switch (command.type) {
    case 'open':
      void open(command.call, command.slots);
      return;
    case 'negotiated':
      calls.get(command.call)?.media.negotiated(command.audio, performance.now());
      return;
    case 'audio':
      play(command.payload, command.targets);
      return;
    case 'slot':
      calls.get(command.call)?.media.setSlot(command.slot, command.speaker);
      return;
    case 'close': {
      opening.delete(command.call);
      const closing = calls.get(command.call);
      if (closing === undefined) return;
      calls.delete(command.call);
      closing.media.close();
      ports.release(closing.port, performance.now());
      return;
    }
  }
});

setInterval(() => {
  const nowMs = performance.now();
  for (const { media } of calls.values()) media.tick(nowMs);
}, TICK_MS);

say({ type: 'ready' });
