import { describe, expect, it } from 'vitest';
import {
  parseNameAddr,
  parseSipMessage,
  parseUri,
  splitOutside,
} from '../../gateways/sip/driver/embedded/sip-parser.ts';
import { readFacts, scanMessage, stampVia } from '../../gateways/sip/driver/embedded/sip-scan.ts';
import { UdpTransactions } from '../../gateways/sip/driver/embedded/udp-transactions.ts';
import { answerOffer, readAnswer } from '../../gateways/sip/sdp-negotiation.ts';
import { fuzz, texts } from './fuzz.ts';
import { MESSAGES, SDP } from './sip-seeds.ts';

describe('fuzz: SIP', () => {
  it('messages are parsed or dropped', () => {
    const transactions = new UdpTransactions();
    const flow = {
      transport: 'UDP',
      address: '127.0.0.1',
      port: 9,
      reliable: false,
      send: () => {},
    } as const;
    let nowMs = 0;
    let parsed = 0;
    fuzz(MESSAGES, (input) => {
      const text = input.toString('utf8');
      nowMs += 10;
      const facts = readFacts(text);
      if (facts === undefined) return;
      if (facts.method !== undefined) transactions.requestReceived(facts, flow, nowMs);
      const stamped = stampVia(text, facts, '127.0.0.1', 9);
      const scanned = scanMessage(stamped);
      if (scanned !== undefined && parseSipMessage(stamped, scanned) !== undefined) parsed += 1;
    });
    expect(parsed).toBeGreaterThan(300);
    expect(transactions.size).toBeLessThan(20_001);
  });

  it('headers that are all quotes, commas and brackets are no work', () => {
    for (const value of [
      '"'.repeat(60_000),
      '<'.repeat(60_000),
      ','.repeat(60_000),
      ';a'.repeat(30_000),
      `${' '.repeat(60_000)}x`,
    ])
      fuzz(
        texts(
          `INVITE sip:a@b SIP/2.0\r\nVia: ${value}\r\nFrom: ${value}\r\nTo: ${value}\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n`,
        ),
        (input) => {
          const text = input.toString('latin1');
          readFacts(text);
          const scanned = scanMessage(text);
          if (scanned !== undefined) parseSipMessage(text, scanned);
          parseNameAddr(value);
          splitOutside(value, ',');
        },
        5,
      );
  });

  it('addresses and URIs', () => {
    fuzz(
      texts('"A" <sip:a@b.c:5060;x=y?h=1>;tag=2', 'sip:+49123@[fe80::1]', 'tel:+1', 'sips:a%40b@c;maddr=d'),
      (input) => {
        const text = input.toString('utf8');
        parseUri(text);
        parseNameAddr(text);
        splitOutside(text, ';');
      },
    );
  });

  it('session descriptions are answered or refused', () => {
    const local = { address: '127.0.0.1', port: 20_000, sessionId: 1, version: 1 };
    fuzz(
      texts(
        SDP,
        `${SDP}m=video 9 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n`,
        SDP.replace('sendrecv', 'sendonly').replace('127.0.0.1', '0.0.0.0'),
      ),
      (input) => {
        const result = answerOffer(input.toString('utf8'), local);
        if (result.ok) expect(result.answer).toContain('m=audio 20000');
        else expect([400, 488]).toContain(result.status);
        readAnswer(input.toString('utf8'));
      },
    );
  });
});
