import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FfmpegPublisher } from '../harness/ffmpeg.ts';
import { isAlive, Launcher, type LauncherOptions } from '../harness/launcher.ts';
import { waitFor } from '../harness/wait.ts';
import { freeYardPorts } from '../harness/yard-ports.ts';

const ALL = ['rtmp', 'sip', 'webrtc'];
const ENTRIES = {
  core: 'core/dist/server/main.js',
  webrtc: 'webrtc/dist/server/main.js',
  rtmp: 'rtmp/dist/main.js',
  sip: 'sip/dist/main.js',
} as const;

describe('npm start', () => {
  let launcher: Launcher | undefined;
  let pids: readonly number[] = [];

  afterEach(() => {
    launcher?.cleanUp(pids.length > 0 ? pids : launcher.processes);
    launcher = undefined;
    pids = [];
  });

  const start = async (options: LauncherOptions = {}): Promise<Launcher> => {
    launcher = await Launcher.start(options);
    pids = launcher.processes;
    return launcher;
  };
  const allAreGone = (): Promise<boolean> =>
    waitFor(
      'every process is gone',
      () => pids.every((pid) => !isAlive(pid)),
      15_000,
      () => `${pids.filter(isAlive)}\n${launcher?.output}`,
    );

  it('says where to come in, serves it, and Ctrl-C ends everything in order', async () => {
    const { ports, output } = await start({ npm: true });
    expect(output).toContain(`Console      http://127.0.0.1:${ports.webrtc}/`);
    expect(output).toContain(`server rtmp://127.0.0.1:${ports.rtmp}/live   key demo`);
    expect(output).toContain(`call sip:demo@127.0.0.1:${ports.sip}`);
    const health = await fetch(`http://127.0.0.1:${ports.core}/health`);
    expect(health.status).toBe(200);
    expect(await launcher?.gateways()).toEqual(ALL);
    const console_ = await fetch(`http://127.0.0.1:${ports.webrtc}/`);
    expect(console_.status).toBe(200);
    expect(await console_.text()).toContain('<title>');
    // Core, three gateways, npm and the launcher itself.
    expect(pids.length).toBeGreaterThanOrEqual(6);

    const publisher = new FfmpegPublisher(`rtmp://127.0.0.1:${ports.rtmp}/live/demo`, {
      bFrames: 0,
      toneHz: 440,
      size: '320x180',
    });
    try {
      await waitFor('the stream is in the room', async () => {
        const room = (await launcher?.get('/v1/rooms/demo')) as
          | { peers?: { tracks: unknown[] }[] }
          | undefined;
        return room?.peers?.[0]?.tracks.length === 2;
      });
      launcher?.interrupt();
      expect(await launcher?.exited(), launcher?.output).toBe(0);
      await allAreGone();
    } finally {
      publisher.stop();
    }
    const text = launcher?.output ?? '';
    expect(text).toContain('ending: gateways first, then the core');
    expect(text).not.toMatch(/ended \(/);
    for (const name of ['core', ...ALL]) expect(text).toMatch(new RegExp(`\\[${name}\\]\\s+stopping`));
    expect(text.lastIndexOf('[core]    stopping')).toBeGreaterThan(text.lastIndexOf('[rtmp]    stopping'));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends in order when npm alone gets %s', async (signal) => {
    await start({ npm: true });
    launcher?.signal(signal);
    expect(await launcher?.exited(), launcher?.output).toBe(0);
    await allAreGone();
  });

  it.each(ALL)('brings a killed %s gateway back while the others stay', async (kind) => {
    const { output } = await start();
    const entry = ENTRIES[kind as keyof typeof ENTRIES];
    const killed = launcher?.pidOf(entry) ?? -1;
    const others = pids.filter((pid) => pid !== killed);
    process.kill(killed, 'SIGKILL');
    await waitFor('it is gone from the health', async () => !(await launcher?.gateways())?.includes(kind));
    await waitFor('it is back', async () => (await launcher?.gateways())?.join() === ALL.join());
    expect(launcher?.pidOf(entry)).not.toBe(killed);
    for (const pid of others) expect(isAlive(pid)).toBe(true);
    expect(launcher?.output.slice(output.length)).toMatch(/ended \(SIGKILL\), starting again in 200 ms/);
    pids = launcher?.processes ?? [];
    launcher?.signal('SIGTERM');
    expect(await launcher?.exited()).toBe(0);
    await allAreGone();
  });

  it('brings a killed core back, and its gateways attach again', async () => {
    await start();
    process.kill(launcher?.pidOf(ENTRIES.core) ?? -1, 'SIGKILL');
    await waitFor('it is gone', async () => (await launcher?.get('/health')) === undefined);
    await waitFor('all are attached again', async () => (await launcher?.gateways())?.join() === ALL.join());
    pids = launcher?.processes ?? [];
    launcher?.signal('SIGINT');
    expect(await launcher?.exited()).toBe(0);
    await allAreGone();
  });

  it('leaves no process behind when it is killed itself', async () => {
    await start();
    launcher?.signal('SIGKILL');
    await launcher?.exited();
    await allAreGone();
  });

  it.each(['tcp', 'udp'])(
    'says in one sentence that a port is taken (%s), and starts nothing',
    async (transport) => {
      const ports = await freeYardPorts();
      const holder = transport === 'tcp' ? createServer() : createSocket('udp4');
      await new Promise<void>((resolve) => {
        if ('listen' in holder) holder.listen(ports.sip, '127.0.0.1', resolve);
        else holder.bind(ports.sip, '127.0.0.1', resolve);
      });
      try {
        launcher = await Launcher.run({ ports });
        expect(await launcher.exited()).toBe(1);
        const sentence = `Port ${ports.sip} is in use by another program: stop it, or set sip.port in switchyard.yaml.`;
        expect(launcher.output.split(sentence).length).toBe(2);
        expect(launcher.output).not.toContain('ready');
      } finally {
        holder.close();
      }
    },
  );

  it.each([
    ['an unknown key of the file', { config: 'webrtc:\n  prot: 8081\n' }, 'Unknown setting webrtc.prot.'],
    ['a value that cannot be', { config: 'core:\n  maxEndpoints: many\n' }, 'Setting core.maxEndpoints:'],
    ['an unknown variable', { environment: { SWITCHYARD_RTMP_PROT: '1' } }, 'SWITCHYARD_RTMP_PROT'],
    [
      'a public address without a secret',
      { environment: { SWITCHYARD_RTMP_HOST: '0.0.0.0' } },
      'Set apps in switchyard.yaml',
    ],
  ])('refuses %s with a sentence that names it', async (_, options, sentence) => {
    launcher = await Launcher.run(options);
    expect(await launcher.exited()).toBe(1);
    expect(launcher.output).toContain(sentence);
    expect(launcher.output).not.toMatch(/^\s+at /m);
    expect(launcher.output).not.toContain('ready');
  });
});
