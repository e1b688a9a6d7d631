import { describe, expect, it } from 'vitest';
import type { SipFlow } from './sip-flow.ts';
import { type MessageFacts, readFacts } from './sip-scan.ts';
import { UdpTransactions } from './udp-transactions.ts';

class RecordingFlow implements SipFlow {
  readonly transport = 'UDP' as const;
  readonly address = '127.0.0.1';
  readonly port = 5062;
  readonly reliable = false;
  readonly sent: string[] = [];
  send(message: string): void {
    this.sent.push(message);
  }
}

function message(start: string, method: string, branch = 'z9hG4bK1'): MessageFacts {
  const facts = readFacts(
    [
      start,
      `Via: SIP/2.0/UDP 127.0.0.1:5062;branch=${branch}`,
      'From: <sip:a@h>;tag=a',
      'To: <sip:b@h>',
      'Call-ID: c',
      `CSeq: 1 ${method}`,
      '',
      '',
    ].join('\r\n'),
  );
  if (facts === undefined) throw new Error('no facts');
  return facts;
}
const request = (method: string): MessageFacts => message(`${method} sip:b@h SIP/2.0`, method);
const response = (status: number, method: string): MessageFacts => message(`SIP/2.0 ${status} X`, method);

/** Times at which something is sent, to the tick of 100 ms. */
function timesOf(transactions: UdpTransactions, flow: RecordingFlow, untilMs: number): number[] {
  const times: number[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    const before = flow.sent.length;
    transactions.tick(nowMs);
    for (let i = before; i < flow.sent.length; i += 1) times.push(nowMs);
  }
  return times;
}

describe('UdpTransactions', () => {
  it('answers a repeated request itself', () => {
    const transactions = new UdpTransactions();
    const flow = new RecordingFlow();
    expect(transactions.requestReceived(request('OPTIONS'), flow, 0)).toBe(true);
    expect(transactions.requestReceived(request('OPTIONS'), flow, 10)).toBe(false);
    expect(flow.sent).toEqual([]);
    expect(transactions.responseSent(response(200, 'OPTIONS'), 'OK', 20)).toBe(flow);
    expect(transactions.requestReceived(request('OPTIONS'), flow, 30)).toBe(false);
    expect(flow.sent).toEqual(['OK']);
  });

  it('repeats a refusal of an INVITE until its ACK (timer G: T1, doubling to T2)', () => {
    const transactions = new UdpTransactions();
    const flow = new RecordingFlow();
    transactions.requestReceived(request('INVITE'), flow, 0);
    transactions.responseSent(response(404, 'INVITE'), 'NO', 0);
    expect(timesOf(transactions, flow, 8000)).toEqual([500, 1500, 3500, 7500]);
    expect(transactions.requestReceived(request('ACK'), flow, 8000)).toBe(true);
    flow.sent.length = 0;
    transactions.tick(12_000);
    expect(flow.sent).toEqual([]);
  });

  it('leaves the repetition of a 200 to the dialog', () => {
    const transactions = new UdpTransactions();
    const flow = new RecordingFlow();
    transactions.requestReceived(request('INVITE'), flow, 0);
    transactions.responseSent(response(200, 'INVITE'), 'OK', 0);
    expect(timesOf(transactions, flow, 8000)).toEqual([]);
  });

  it('repeats an INVITE of ours at 0.5, 1.5, 3.5, 7.5 s (timer A) until a provisional answer', () => {
    const silent = new UdpTransactions();
    const flow = new RecordingFlow();
    silent.requestSent(request('INVITE'), 'INVITE', flow, 0);
    expect(timesOf(silent, flow, 8000)).toEqual([500, 1500, 3500, 7500]);

    const ringing = new UdpTransactions();
    ringing.requestSent(request('INVITE'), 'INVITE', flow, 0);
    ringing.responseReceived(response(180, 'INVITE'));
    expect(timesOf(ringing, flow, 8000)).toEqual([]);
  });

  it('repeats another request to T2 (timer E) until a final answer, and gives up after 64 T1', () => {
    const transactions = new UdpTransactions();
    const flow = new RecordingFlow();
    transactions.requestSent(request('BYE'), 'BYE', flow, 0);
    const times = timesOf(transactions, flow, 60_000);
    expect(times.slice(0, 6)).toEqual([500, 1500, 3500, 7500, 11_500, 15_500]);
    expect(times.at(-1)).toBeLessThanOrEqual(32_000);
    expect(transactions.size).toBe(0);
  });

  it('remembers no more than its bound', () => {
    const transactions = new UdpTransactions();
    const flow = new RecordingFlow();
    for (let i = 0; i < 25_000; i += 1)
      transactions.requestReceived(message('OPTIONS sip:b@h SIP/2.0', 'OPTIONS', `z9hG4bK${i}`), flow, 0);
    expect(transactions.size).toBe(20_000);
  });
});
