import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasSipp, SCENARIOS, Sipp } from '../harness/phone.ts';
import { waitFor } from '../harness/wait.ts';
import { Yard } from '../harness/yard.ts';

describe.skipIf(!hasSipp())('SIP with sipp', () => {
  let yard: Yard;

  beforeAll(async () => {
    yard = await Yard.start(['sip']);
  });

  afterAll(async () => {
    await yard?.stop();
  });

  const expectSucceeds = async (sipp: Sipp): Promise<void> => {
    try {
      await waitFor(
        'sipp ends',
        () => sipp.exitCode !== undefined,
        30_000,
        () => `${sipp.output}\n${yard.log('sip')}`,
      );
      expect(sipp.exitCode, `${sipp.output}\n${yard.log('sip')}`).toBe(0);
    } finally {
      sipp.stop();
    }
  };

  it.each([
    ['UDP', 'u1'],
    ['TCP', 't1'],
  ] as const)(
    'answers a call over %s, with the room showing the phone, and takes its BYE',
    async (_, transport) => {
      const server = yard.sipPort;
      const sipp = new Sipp({ server, scenario: SCENARIOS.call('demo', 1500), transport });
      await waitFor(
        'the phone is in the room',
        async () => {
          const room = (await yard.get('/v1/rooms/demo')) as
            | { peers?: { gateway: string; tracks: { name: string; bitrateBps: number }[] }[] }
            | undefined;
          const phone = room?.peers?.[0];
          return phone?.gateway === 'sip' && (phone.tracks[0]?.bitrateBps ?? 0) > 5000;
        },
        10_000,
        () => `${sipp.output}\n${yard.log('sip')}`,
      );
      await expectSucceeds(sipp);
      await waitFor('the room is empty', async () => {
        const { rooms } = (await yard.get('/v1/rooms')) as { rooms: unknown[] };
        return rooms.length === 0;
      });
    },
  );

  it.each([
    ['mirrors hold and resume', () => SCENARIOS.hold('demo')],
    ['offers when the phone does not', () => SCENARIOS.lateOffer('demo')],
    ['answers OPTIONS', () => SCENARIOS.options],
    ['refuses an impossible room with 404', () => SCENARIOS.refused('a%20b', '0', 404)],
    [
      'refuses a call without a common codec with 488',
      () => SCENARIOS.refused('demo', '18', 488, ['a=rtpmap:18 G729/8000']),
    ],
  ])('%s', async (_, scenario) => {
    await expectSucceeds(new Sipp({ server: yard.sipPort, scenario: scenario() }));
  });

  it('carries 20 calls at once', async () => {
    await expectSucceeds(
      new Sipp({
        server: yard.sipPort,
        scenario: SCENARIOS.call('many', 1000),
        calls: 20,
        callsPerSecond: 20,
      }),
    );
    expect(yard.errors()).toEqual([]);
  });
});
