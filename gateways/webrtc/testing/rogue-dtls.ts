import { DtlsClient, DtlsServer } from 'werift';
import type { Certificate } from '../server/transport/certificate.ts';
import { DtlsSession } from '../server/transport/dtls-session.ts';

export interface DtlsPairOptions {
  /** Role of the session that is tested. */
  readonly role: 'client' | 'server';
  readonly certificate: Certificate;
  /** What the other side shows and signs with: for a forger, of two different certificates. */
  readonly rogue: Certificate;
  /** What the tested session was told in SDP. */
  readonly expected: Certificate['fingerprint'];
  /** Changes, drops or adds datagrams on their way from the rogue to the session. */
  readonly tamper?: (datagram: Buffer, inject: (datagram: Buffer) => void) => Buffer | undefined;
  /** Work on the rogue's state machine before it starts. */
  readonly prepare?: (socket: DtlsServer | DtlsClient) => void;
}

/** A {@link DtlsSession} in memory against werift's bare state machine, which does whatever it is told. */
export class DtlsPair {
  readonly session: DtlsSession;
  readonly rogue: DtlsServer | DtlsClient;
  readonly received: string[] = [];
  /** What the session sent, oldest first. */
  readonly sent: Buffer[] = [];
  /** What the rogue sent, before it was tampered with. */
  readonly stolen: Buffer[] = [];
  outcome: string | undefined;

  constructor(options: DtlsPairOptions) {
    this.session = new DtlsSession({
      certificate: options.certificate,
      role: options.role,
      fingerprints: [options.expected],
      send: (datagram) => {
        this.sent.push(Buffer.from(datagram));
        setImmediate(() => wire.onData(datagram));
      },
      listener: {
        onConnected: () => {
          this.outcome = 'connected';
        },
        onData: (data) => this.received.push(data.toString()),
        onEnded: (reason, detail) => {
          this.outcome = `${reason}: ${detail}`;
        },
      },
    });
    const inject = (datagram: Buffer): void => this.session.input(Buffer.from(datagram));
    const wire = {
      type: 'udp',
      address: { address: '', family: 'IPv4', port: 0 },
      closed: false,
      onData: (_datagram: Buffer): void => {},
      send: async (datagram: Buffer): Promise<void> => {
        this.stolen.push(Buffer.from(datagram));
        const changed = options.tamper === undefined ? datagram : options.tamper(datagram, inject);
        if (changed !== undefined) setImmediate(() => inject(changed));
      },
      close: async (): Promise<void> => {},
    };
    const settings = {
      cert: options.rogue.certPem,
      key: options.rogue.keyPem,
      signatureHash: options.rogue.signatureHash,
      transport: wire as unknown as NonNullable<ConstructorParameters<typeof DtlsServer>[0]>['transport'],
      srtpProfiles: [7 as const, 1 as const],
      extendedMasterSecret: true,
      certificateRequest: options.role === 'client',
    };
    this.rogue = options.role === 'server' ? new DtlsClient(settings) : new DtlsServer(settings);
    options.prepare?.(this.rogue);
  }

  start(): void {
    if (this.rogue instanceof DtlsClient) this.rogue.connect().catch(() => {});
    this.session.start();
  }

  /** Lets datagrams fly until the session has come to an end, or `ms` have passed. */
  async run(ms = 2000): Promise<string> {
    this.start();
    const deadline = performance.now() + ms;
    while (this.outcome === undefined && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return this.outcome ?? 'no end';
  }

  close(): void {
    this.session.close();
    // Stops the rogue's repetitions.
    this.rogue.dtls.flight = 99;
  }
}
