/** The load process: does what its parent asks over IPC. Started by {@link LoadClient}, never by hand. */
import { createCertificate } from '../../../gateways/webrtc/server/transport/certificate.ts';
import { Histogram } from './histogram.ts';
import type { LoadFigures, LoadReply, LoadRequest, SubscribeOptions } from './load-messages.ts';
import { LoadPublisher } from './load-publisher.ts';
import { LoadSubscriber, type SubscriberTotals } from './load-subscriber.ts';

const REPORT_INTERVAL_MS = 1000;
/** As often as browsers do. */
const FEEDBACK_INTERVAL_MS = 50;
const JOINS_AT_ONCE = 4;

const certificate = await createCertificate();
const publishers: LoadPublisher[] = [];
let subscribers: LoadSubscriber[] = [];
const NOTHING = { received: 0, receivedBytes: 0, verified: 0, authenticationFailures: 0, gaps: 0, late: 0 };
const totals: SubscriberTotals = { ...NOTHING, delays: new Histogram() };

async function subscribe(options: SubscribeOptions): Promise<void> {
  let left = options.count;
  const joinOneAfterTheOther = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const subscriber = new LoadSubscriber(options, certificate, totals);
      subscribers.push(subscriber);
      await subscriber.connect();
    }
  };
  const atOnce = options.joinsAtOnce ?? JOINS_AT_ONCE;
  await Promise.all(Array.from({ length: atOnce }, joinOneAfterTheOther));
}

async function unsubscribe(polite: boolean): Promise<void> {
  const leaving = subscribers;
  subscribers = [];
  for (const { transport } of leaving) await (polite ? transport.close() : transport.vanish());
}

function reset(): void {
  Object.assign(totals, NOTHING);
  totals.delays.reset();
  for (const subscriber of subscribers) {
    subscriber.received = 0;
    subscriber.resetGap();
  }
  for (const publisher of publishers) {
    publisher.sent = 0;
    publisher.keyframeRequests = 0;
  }
}

function figures(): LoadFigures {
  const { delays, ...counted } = totals;
  const sum = (key: 'sent' | 'keyframeRequests'): number =>
    publishers.reduce((total, publisher) => total + publisher[key], 0);
  return {
    ...counted,
    sent: sum('sent'),
    keyframeRequests: sum('keyframeRequests'),
    subscribers: subscribers.filter(({ transport }) => !transport.ended).length,
    longestGapMs: subscribers.reduce((longest, { longestGapMs }) => Math.max(longest, longestGapMs), 0),
    receivedLeast: subscribers.reduce((least, { received }) => Math.min(least, received), Number.MAX_VALUE),
    delayMs: {
      p50: delays.percentile(0.5),
      p95: delays.percentile(0.95),
      p99: delays.percentile(0.99),
      max: delays.max,
    },
    connectMs: subscribers.map(({ connectMs }) => connectMs),
    firstPacketMs: subscribers.map(({ firstPacketMs }) => firstPacketMs),
    profiles: [...new Set(subscribers.flatMap(({ transport }) => transport.profile ?? []))],
  };
}

async function handle(request: LoadRequest): Promise<LoadFigures | undefined> {
  switch (request.type) {
    case 'publish': {
      const publisher = new LoadPublisher(request.options, certificate);
      await publisher.start();
      publishers.push(publisher);
      return undefined;
    }
    case 'subscribe':
      await subscribe(request.options);
      return undefined;
    case 'rate':
      for (const publisher of publishers) publisher.setRate(request.packetsPerSecond);
      return undefined;
    case 'unsubscribe':
      await unsubscribe(request.polite);
      return undefined;
    case 'reset':
      reset();
      return undefined;
    case 'figures':
      return figures();
  }
}

setInterval(() => {
  for (const subscriber of subscribers) subscriber.report();
}, REPORT_INTERVAL_MS);
setInterval(() => {
  for (const subscriber of subscribers) subscriber.acknowledge();
}, FEEDBACK_INTERVAL_MS);

process.on('message', (message: { readonly id: number; readonly request: LoadRequest }) => {
  const answer = (reply: LoadReply): void => {
    process.send?.(reply);
  };
  handle(message.request).then(
    (result) => answer({ id: message.id, ...(result === undefined ? {} : { figures: result }) }),
    (error: unknown) => answer({ id: message.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0 } satisfies LoadReply);
