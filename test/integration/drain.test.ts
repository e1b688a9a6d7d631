import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FfmpegPublisher, hasFfmpeg, SMALL_PICTURE } from '../harness/ffmpeg.ts';
import { RawSession } from '../harness/raw-session.ts';
import { invite } from '../harness/sip-invite.ts';
import { waitFor } from '../harness/wait.ts';
import { ROOT, Yard } from '../harness/yard.ts';

const DRAIN_S = 4;
const offer = readFileSync(join(ROOT, 'test/vectors/sdp/chrome-simulcast.sdp'), 'utf8');

let yard: Yard | undefined;
const publishers: FfmpegPublisher[] = [];
const publish = (to: Yard, key: string): FfmpegPublisher => {
  const publisher = new FfmpegPublisher(`${to.rtmp}/${key}`, SMALL_PICTURE);
  publishers.push(publisher);
  return publisher;
};
const peersOf = async (room: string): Promise<number> =>
  ((await yard?.get(`/v1/rooms/${room}`)) as { peers?: unknown[] } | undefined)?.peers?.length ?? 0;
const whip = (to: Yard): Promise<Response> =>
  fetch(`${to.http}/whip/demo`, {
    method: 'POST',
    body: offer,
    headers: { 'content-type': 'application/sdp' },
  });

afterEach(async () => {
  for (const publisher of publishers.splice(0)) publisher.stop();
  await yard?.stop();
  yard = undefined;
});

describe('SIGTERM', () => {
  it.skipIf(!hasFfmpeg())('lets streams go on for the configured time, and nobody new in', async () => {
    yard = await Yard.start(['rtmp'], { SWITCHYARD_DRAIN_SECONDS: `${DRAIN_S}` });
    const { pid } = { pid: yard.pid('rtmp') };
    const first = publish(yard, 'demo/cam');
    await waitFor(
      'it publishes',
      async () => (await peersOf('demo')) === 1,
      15_000,
      () => first.output,
    );
    const startedMs = performance.now();
    process.kill(pid, 'SIGTERM');
    await waitFor('it drains', () => yard?.log('rtmp').includes('draining'));
    const second = publish(yard, 'demo/late');
    await waitFor('the late one is refused', () => second.exitCode !== undefined);
    expect(second.output).toContain('The server is shutting down.');
    expect(first.exitCode).toBeUndefined();
    expect(await peersOf('demo')).toBe(1);
    await waitFor('the gateway ends', () => yard?.isRunning('rtmp') === false);
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(DRAIN_S * 1000 - 50);
    expect(tookMs).toBeLessThan(DRAIN_S * 1000 + 3000);
    await waitFor('the stream is told', () => first.exitCode !== undefined);
  });

  it('ends at once when nobody is connected, and SIGINT does so whoever is', async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip'], { SWITCHYARD_DRAIN_SECONDS: '60' });
    expect((await whip(yard)).status).toBe(201);
    const startedMs = performance.now();
    for (const name of ['rtmp', 'sip'] as const) process.kill(yard.pid(name), 'SIGTERM');
    process.kill(yard.pid('webrtc'), 'SIGINT');
    await waitFor('they end', () =>
      (['rtmp', 'sip', 'webrtc'] as const).every((name) => yard?.isRunning(name) === false),
    );
    expect(performance.now() - startedMs).toBeLessThan(3000);
  });

  it('of the core tells SDK clients to go away, refuses everybody new, and waits for who is there', async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip'], { SWITCHYARD_DRAIN_SECONDS: '30' });
    const sdk = await RawSession.open(yard.httpPort);
    expect(await sdk.join('demo', 'ann')).toMatchObject({ result: 'joined' });
    process.kill(yard.pid('core'), 'SIGTERM');
    await waitFor('ann is told', () => sdk.messages.some(({ type }) => type === 'go-away'));
    const health = await fetch(`${yard.api}/health`);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'draining' });
    const late = await RawSession.open(yard.httpPort);
    expect(await late.join('demo', 'bob')).toMatchObject({ error: { code: 'draining' } });
    late.close();
    const refused = await whip(yard);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).not.toBeNull();
    expect(await refused.json()).toMatchObject({ code: 'draining' });
    expect(await invite(yard.sipPort, { room: 'demo' })).toMatchObject({ status: 503 });
    expect(yard.isRunning('core')).toBe(true);
    sdk.close();
    await waitFor('the core ends when the last one has gone', () => yard?.isRunning('core') === false, 5000);
  });
});

describe('above the configured load', () => {
  it('everybody new is refused with a clear code, in every protocol', async () => {
    yard = await Yard.start(['webrtc', 'rtmp', 'sip'], { SWITCHYARD_CORE_MAX_ENDPOINTS: '1' });
    const sdk = await RawSession.open(yard.httpPort);
    expect(await sdk.join('demo', 'ann')).toMatchObject({ result: 'joined' });
    const late = await RawSession.open(yard.httpPort);
    expect(await late.join('demo', 'bob')).toMatchObject({ error: { code: 'overloaded' } });
    late.close();
    const refused = await whip(yard);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'overloaded' });
    expect(await invite(yard.sipPort, { room: 'demo' })).toEqual({
      status: 503,
      reason: 'The server is full: try again later.',
    });
    if (hasFfmpeg()) {
      const stream = publish(yard, 'demo');
      await waitFor('the stream is refused', () => stream.exitCode !== undefined);
      expect(stream.output).toContain('The server is full: try again later.');
    }
    sdk.close();
    await waitFor('there is room again', async () => (await whip(yard as Yard)).status === 201);
    const metrics = await (await fetch(`${yard.api}/metrics`)).text();
    expect(metrics).toMatch(/switchyard_joins_refused_total [3-9]/);
  });
});
