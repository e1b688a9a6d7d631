import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DtlsPair, type DtlsPairOptions } from '../../testing/rogue-dtls.ts';
import { type Certificate, createCertificate } from './certificate.ts';
import { forEachRecord, HANDSHAKE, messageRecord } from './dtls-record.ts';

let own: Certificate;
let victim: Certificate;
let attacker: Certificate;
beforeAll(async () => {
  [own, victim, attacker] = await Promise.all([
    createCertificate(),
    createCertificate(),
    createCertificate(),
  ]);
});

const pairs: DtlsPair[] = [];
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.close();
});
function open(options: Pick<DtlsPairOptions, 'role'> & Partial<DtlsPairOptions>): DtlsPair {
  const pair = new DtlsPair({ certificate: own, rogue: victim, expected: victim.fingerprint, ...options });
  pairs.push(pair);
  return pair;
}
/** The victim's certificate with the attacker's key. */
const forged = (): Certificate => ({
  ...victim,
  keyPem: attacker.keyPem,
  privateKey: attacker.privateKey,
});

/** Type and sequence number of the handshake message in a plaintext record. */
const messageOf = (record: Buffer): { type: number; seq: number; body: Buffer } => {
  const isPlain = record.length >= 25 && record[0] === 22 && record.readUInt16BE(3) === 0;
  if (!isPlain) return { type: -1, seq: 0, body: Buffer.alloc(0) };
  return { type: record[13] ?? 0, seq: record.readUInt16BE(17), body: record.subarray(25) };
};

/** Does `change` to each record of a datagram. */
const perRecord =
  (change: (record: Buffer) => Buffer | Buffer[] | undefined) =>
  (datagram: Buffer): Buffer | undefined => {
    const records: Buffer[] = [];
    forEachRecord(datagram, (record) => {
      const changed = change(record);
      if (changed !== undefined) records.push(...(Array.isArray(changed) ? changed : [changed]));
    });
    return records.length === 0 ? undefined : Buffer.concat(records);
  };

/** Splits plaintext handshake messages into fragments of `size` bytes, a record each. */
function fragments(record: Buffer, size: number): Buffer[] {
  const { type, seq, body } = messageOf(record);
  if (type < 0) return [record];
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    const fragment = messageRecord(type, seq, part);
    fragment.writeUIntBE(body.length, 14, 3);
    fragment.writeUIntBE(at, 19, 3);
    parts.push(fragment);
  }
  return parts;
}

describe.each(['server', 'client'] as const)('DtlsSession as %s', (role) => {
  it('connects with the peer whose fingerprint it was told, and carries data', async () => {
    const pair = open({ role });
    expect(await pair.run()).toBe('connected');
    await pair.rogue.send(Buffer.from('hello'));
    await expect.poll(() => pair.received).toEqual(['hello']);
    const answer = new Promise<string>((resolve) => {
      pair.rogue.onData.subscribe((data) => resolve(data.toString()));
    });
    await pair.session.send(Buffer.from('and you'));
    expect(await answer).toBe('and you');
  });

  it('refuses another certificate', async () => {
    expect(await open({ role, rogue: attacker }).run()).toBe('failed: fingerprint mismatch');
  });

  it('refuses the right certificate when another key signed', async () => {
    expect(await open({ role, rogue: forged() }).run()).toMatch(/failed: .* has a wrong signature/);
  });

  it.each(['sha-1', 'md5'])('refuses a fingerprint by %s, whatever it says', async (algorithm) => {
    const pair = open({ role, expected: { algorithm, value: victim.fingerprint.value } });
    expect(await pair.run()).toBe('failed: fingerprint mismatch');
  });

  it('refuses a wrong Finished', async () => {
    const pair = open({
      role,
      prepare: ({ cipher }) => {
        cipher.verifyData = () => randomBytes(12);
      },
    });
    expect(await pair.run()).toBe('failed: Finished does not match');
  });

  it('refuses a Finished in plaintext', async () => {
    const pair = open({
      role,
      tamper: perRecord((record) =>
        record[0] === 22 && record.readUInt16BE(3) === 1
          ? messageRecord(HANDSHAKE.finished, role === 'server' ? 5 : 6, randomBytes(12))
          : record,
      ),
    });
    expect(await pair.run()).toMatch(/failed: .*(epoch 0|unexpected handshake message)/);
  });

  it('puts fragmented messages together, in whatever order and number they come', async () => {
    const pair = open({
      role,
      tamper: perRecord((record) => {
        const parts = fragments(record, 50).reverse();
        return parts.length > 1 ? [...parts.slice(0, 1), ...parts] : parts;
      }),
    });
    expect(await pair.run()).toBe('connected');
  });

  it('takes the messages of a flight in any order of datagrams', async () => {
    const held: Buffer[] = [];
    const pair = open({
      role,
      tamper: (datagram, inject) => {
        const type = messageOf(datagram).type;
        if (type === HANDSHAKE.certificate && held.length === 0) {
          held.push(Buffer.from(datagram));
          setTimeout(() => inject(held[0] ?? datagram), 30);
          return undefined;
        }
        return datagram;
      },
    });
    expect(await pair.run(4000)).toBe('connected');
  });

  it('goes on when alerts, unknown records and malformed messages are thrown in', async () => {
    const pair = open({
      role,
      tamper: (datagram, inject) => {
        inject(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]));
        inject(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0]));
        inject(Buffer.from([63, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0]));
        inject(Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 3, 1, 0, 0]));
        inject(Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 1]));
        return datagram;
      },
    });
    expect(await pair.run()).toBe('connected');
    expect(pair.session.refusedRecords).toBeGreaterThan(0);
  });

  it('is not moved by plaintext alerts, ClientHellos, replays and forgeries once connected', async () => {
    const pair = open({ role });
    expect(await pair.run()).toBe('connected');
    for (const datagram of [...pair.stolen]) pair.session.input(Buffer.from(datagram));
    pair.session.input(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]));
    pair.session.input(Buffer.from([21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0]));
    pair.session.input(messageRecord(HANDSHAKE.clientHello, 0, randomBytes(80)));
    await pair.rogue.send(Buffer.from('once'));
    await expect.poll(() => pair.received).toEqual(['once']);
    const last = pair.stolen.at(-1) ?? Buffer.alloc(0);
    pair.session.input(Buffer.from(last));
    const changed = Buffer.from(last);
    changed.writeUIntBE(999, 5, 6);
    pair.session.input(changed);
    await pair.rogue.send(Buffer.from('twice'));
    await expect.poll(() => pair.received).toEqual(['once', 'twice']);
    expect(pair.outcome).toBe('connected');
  });

  it('forgets records older than its window', async () => {
    const pair = open({ role });
    expect(await pair.run()).toBe('connected');
    await pair.rogue.send(Buffer.from('first'));
    const first = Buffer.from(pair.stolen.at(-1) ?? []);
    for (let i = 0; i < 70; i += 1) await pair.rogue.send(Buffer.from('more'));
    await expect.poll(() => pair.received.length).toBe(71);
    const before = pair.session.refusedRecords;
    pair.session.input(first);
    expect(pair.session.refusedRecords).toBe(before + 1);
    expect(pair.received).toHaveLength(71);
  });

  it('ends when the other side says close_notify under the keys', async () => {
    const one = open({ role });
    expect(await one.run()).toBe('connected');
    one.session.close();
    const goodbye = one.sent.at(-1);
    expect([goodbye?.[0], goodbye?.readUInt16BE(3)]).toEqual([21, 1]);
  });

  it('keeps no more than its bounds of fragments', () => {
    const pair = open({ role });
    for (let seq = 0; seq < 1000; seq += 1) {
      const fragment = messageRecord(11, seq, randomBytes(100));
      fragment.writeUIntBE(16_000, 14, 3);
      pair.session.input(fragment);
    }
    expect(pair.session.refusedRecords).toBe(992);
    const huge = messageRecord(11, 1, randomBytes(100));
    huge.writeUIntBE(0xff_ffff, 14, 3);
    pair.session.input(huge);
    expect(pair.session.refusedRecords).toBe(993);
  });
});

describe('DtlsSession as server against a man in the middle', () => {
  /** Replaces the client's key exchange after the victim has signed for its own. */
  const secondKeyExchange = (seqOf: (seq: number) => number) =>
    perRecord((record) => {
      const { type, seq } = messageOf(record);
      if (type !== HANDSHAKE.certificateVerify) return record;
      const exchange = messageRecord(
        HANDSHAKE.clientKeyExchange,
        seqOf(seq),
        Buffer.concat([Buffer.from([65]), randomBytes(65)]),
      );
      return [record, exchange];
    });

  it('refuses a second ClientKeyExchange behind the CertificateVerify', async () => {
    const pair = open({ role: 'server', tamper: secondKeyExchange((seq) => seq + 1) });
    expect(await pair.run()).toBe(`failed: unexpected handshake message ${HANDSHAKE.clientKeyExchange}`);
  });

  it('does not begin again with a ClientHello that is replayed in the middle', async () => {
    let hello: Buffer | undefined;
    const pair = open({
      role: 'server',
      tamper: (datagram, inject) => {
        const { type } = messageOf(datagram);
        if (type === HANDSHAKE.clientHello) hello = Buffer.from(datagram);
        if (type === HANDSHAKE.certificateVerify && hello !== undefined)
          setImmediate(() => inject(hello ?? datagram));
        return secondKeyExchange((seq) => seq - 1)(datagram);
      },
    });
    expect(await pair.run()).toBe('connected');
    await pair.rogue.send(Buffer.from('still the victim'));
    await expect.poll(() => pair.received).toEqual(['still the victim']);
  });

  it('refuses a client without a certificate', async () => {
    const pair = open({
      role: 'server',
      tamper: perRecord((record) => {
        const { type, seq } = messageOf(record);
        if (type === HANDSHAKE.certificate || type === HANDSHAKE.certificateVerify) return undefined;
        return type === HANDSHAKE.clientKeyExchange
          ? messageRecord(type, seq - 1, messageOf(record).body)
          : record;
      }),
    });
    expect(await pair.run()).toMatch(/failed: unexpected handshake message/);
  });

  it('answers a bounded number of hellos', () => {
    const pair = open({ role: 'server' });
    pair.start();
    const hello = pair.stolen[0] ?? Buffer.alloc(0);
    for (let i = 0; i < 100; i += 1) pair.session.input(Buffer.from(hello));
    expect(pair.sent).toHaveLength(16);
  });
});

describe('DtlsSession as client', () => {
  it('does not expect a request for its certificate', async () => {
    const pair = open({
      role: 'client',
      prepare: ({ options }) => {
        options.certificateRequest = false;
      },
    });
    expect(await pair.run()).toBe('connected');
  });
});
