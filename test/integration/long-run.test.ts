import { trackId } from '@switchyard/shared/protocol';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../core/testing/seeded-random.ts';
import { VirtualYard } from '../../core/testing/virtual-yard.ts';

const PEERS = 200;
const HOUR_MS = 3_600_000;
const STEP_MS = 250;

test('an hour of a room of 200 peers leaves nothing behind', { timeout: 300_000 }, () => {
  const yard = new VirtualYard();
  yard.isForgetful = true;
  const random = new SeededRandom(200);
  let switches = 0;
  let speakers = 0;
  yard.onEvent = (_, event) => {
    if (event.type === 'mixer-slot-set') switches += 1;
    if (event.type === 'active-speaker') speakers += 1;
  };
  const enter = (endpoint: number): void => {
    yard.join(endpoint, `p${endpoint}`);
    yard.publishAudio(endpoint, 1);
    yard.publish(endpoint, 2);
    yard.ask(endpoint, {
      type: 'mixer-attach',
      mode: 'auto',
      slots: [trackId(10), trackId(11), trackId(12)],
    });
    yard.attach(endpoint, 20, `p${(endpoint + 1) % PEERS}`);
    yard.control(endpoint, { type: 'egress-estimate', bitrateBps: 1_000_000, congested: false });
  };
  for (let endpoint = 0; endpoint < PEERS; endpoint += 1) enter(endpoint);
  for (let atMs = 0; atMs < HOUR_MS; atMs += STEP_MS) {
    // Somebody speaks for twenty seconds at a time, now and then somebody else too.
    const speaker = Math.floor(atMs / 20_000) % PEERS;
    speak(yard, speaker, -20);
    if (random.next() < 0.2) speak(yard, random.int(0, PEERS - 1), -35);
    if (random.next() < 0.01) {
      const goer = random.int(0, PEERS - 1);
      yard.leave(goer);
      enter(goer);
    }
    yard.advance(STEP_MS);
  }
  expect(switches).toBeGreaterThan(PEERS * 100);
  expect(speakers / PEERS).toBeGreaterThan(100);
  const room = yard.engine.room('default', 'demo');
  expect(room?.endpoints.size).toBe(PEERS);
  expect(room?.voices.speaking.length).toBeLessThan(20);
  for (let endpoint = 0; endpoint < PEERS; endpoint += 1) yard.leave(endpoint);
  expect([...yard.engine.rooms]).toEqual([]);
  expect(yard.engine.channelCount).toBe(0);
  expect(yard.engine.nextDeadlineMs).toBe(Number.POSITIVE_INFINITY);
});

const AUDIO = new Uint8Array(80);
let seq = 0;
function speak(yard: VirtualYard, endpoint: number, audioLevel: number): void {
  seq = (seq + 1) & 0xffff;
  yard.media(endpoint, 1, { codec: 'opus', seq, timestamp: seq * 960, audioLevel, payload: AUDIO });
}
