import { afterAll, beforeAll, describe } from 'vitest';
import { gatewayContract } from '../contract/gateway.ts';
import { YardUnderTest } from '../contract/yard-under-test.ts';
import { hasSipp, SCENARIOS, Sipp } from '../harness/phone.ts';

/** A phone that vanishes without BYE is given up after 30 s without RTP. */
const GONE_MS = 45_000;
/** Longer than any story of the contract. */
const CALL_MS = 60_000;

describe.skipIf(!hasSipp())('the SIP gateway keeps the contract', () => {
  const under = new YardUnderTest('sip');
  beforeAll(() => under.start());
  afterAll(() => under.stop());

  gatewayContract(() => ({
    probe: (room, peer) => under.probe(room, peer),
    restartCore: () => under.restartCore(),
    publish: async (room) => {
      const phone = new Sipp({ server: under.yard.sipPort, scenario: SCENARIOS.call(room, CALL_MS) });
      return {
        peer: 'sipp',
        track: 'audio_main',
        kind: 'audio',
        leave: async () => phone.stop(),
        goneMs: GONE_MS,
      };
    },
  }));
});
