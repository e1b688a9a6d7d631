import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FfmpegPublisher, hasFfmpeg } from '../harness/ffmpeg.ts';
import { freePorts } from '../harness/free-ports.ts';
import { hasSipp, SCENARIOS, Sipp } from '../harness/phone.ts';
import { RawSession } from '../harness/raw-session.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

/** DESIGN: gateways are back within a second. */
const REATTACH_MAX_MS = 1000;
const CALL_MS = 60_000;

interface Peer {
  readonly peer: string;
  readonly gateway: string;
  readonly joinedAt: string;
  readonly tracks: readonly { readonly name: string; readonly bitrateBps: number }[];
}

describe.skipIf(!hasFfmpeg() || !hasSipp()).each(['a Unix socket', 'TCP'])('restarts, over %s', (way) => {
  let yard: Yard;
  let publisher: FfmpegPublisher;
  let phone: Sipp;
  let sdk: RawSession;

  const peers = async (): Promise<readonly Peer[]> => {
    const room = (await yard.get('/v1/rooms/demo')) as { peers?: Peer[] } | undefined;
    return room?.peers ?? [];
  };
  const isSpeaking = (all: readonly Peer[], gateway: string): boolean =>
    all.some((each) => each.gateway === gateway && each.tracks.some(({ bitrateBps }) => bitrateBps > 1000));
  const everybodyIsThere = async (): Promise<boolean> => {
    const all = await peers();
    return isSpeaking(all, 'rtmp') && isSpeaking(all, 'sip') && all.some(({ peer }) => peer === 'ann');
  };
  const explain = (): string =>
    ['core', 'rtmp', 'sip', 'webrtc'].map((name) => yard.log(name as 'core')).join('\n');

  beforeAll(async () => {
    const link = await freePorts(1);
    yard = await Yard.start(
      ['webrtc', 'rtmp', 'sip'],
      way === 'TCP'
        ? {
            SWITCHYARD_LINK_LISTEN: `127.0.0.1:${link}`,
            SWITCHYARD_LINK_CORE: `127.0.0.1:${link}`,
            SWITCHYARD_LINK_SECRET: 'what both ends know',
          }
        : {},
    );
    publisher = new FfmpegPublisher(`${yard.rtmp}/demo/cam`, {
      bFrames: 0,
      toneHz: 440,
      size: '160x120',
      keyframeS: 1,
    });
    phone = new Sipp({ server: yard.sipPort, scenario: SCENARIOS.call('demo', CALL_MS) });
    sdk = await RawSession.open(yard.httpPort);
    expect(await sdk.join('demo', 'ann')).toMatchObject({ result: 'joined' });
    await waitFor('everybody is there', everybodyIsThere, 20_000, explain);
  });

  afterAll(async () => {
    publisher?.stop();
    phone?.stop();
    sdk?.close();
    await yard?.stop();
  });

  it('a core that dies takes nobody: gateways reattach and register again, clients notice nothing', async () => {
    const before = sdk.messages.length;
    await yard.kill('core');
    await yard.run('core');
    const backMs = performance.now();
    await yard.waitAttached(3);
    const attachedMs = performance.now() - backMs;
    await waitFor('everybody is there again', async () => (await peers()).length === 3, 5000, explain);
    const registeredMs = performance.now() - backMs;
    await waitFor('media flows again', everybodyIsThere, 10_000, explain);
    const flowingMs = performance.now() - backMs;
    console.log(
      `core restarted, over ${way}: gateways attached after ${Math.round(attachedMs)} ms, peers registered after ${Math.round(registeredMs)} ms, bitrates measured after ${Math.round(flowingMs)} ms`,
    );
    expect(registeredMs).toBeLessThan(REATTACH_MAX_MS);
    expect(publisher.exitCode).toBeUndefined();
    expect(phone.exitCode).toBeUndefined();
    expect(sdk.closed).toBe(false);
    // The link keeps from clients what did not change: nobody left, nobody came.
    expect(
      sdk.messages
        .slice(before)
        .filter(({ type }) => ['peer-left', 'peer-joined', 'track-started', 'track-stopped'].includes(type)),
    ).toEqual([]);
    expect(yard.errors()).toEqual([]);
  });

  it('a gateway that dies takes its own clients only, and is back for the next', async () => {
    const joinedAt = (await peers()).find(({ gateway }) => gateway === 'sip')?.joinedAt;
    await yard.kill('rtmp');
    await waitFor(
      'the room has lost the stream, and nobody else',
      async () => {
        const all = await peers();
        return all.length === 2 && isSpeaking(all, 'sip');
      },
      5000,
      explain,
    );
    expect((await peers()).find(({ gateway }) => gateway === 'sip')?.joinedAt).toBe(joinedAt);
    expect(sdk.messages.some((message) => message.type === 'peer-left' && message.peer === 'cam')).toBe(true);
    publisher.stop();
    await yard.run('rtmp');
    publisher = new FfmpegPublisher(`${yard.rtmp}/demo/cam`, { bFrames: 0, toneHz: 440, size: '160x120' });
    await waitFor('the stream is back', everybodyIsThere, 15_000, explain);
  });
});
