/** What a link needs of cryptography; the keys are of this pair of processes and this direction only. */
export interface LinkCrypto {
  /** Names the keys: two links with the same keys must not use a number twice. */
  readonly id: string;
  /** Writes the hop MAC of the first 16 bytes behind them. */
  writeMac(datagram: Uint8Array): void;
  /** Whether the hop MAC is right. */
  checkMac(datagram: Uint8Array): boolean;
  /** @returns A control datagram: its header, and `body` sealed. */
  sealControl(linkSeq: number, body: Uint8Array): Uint8Array;
  /** @returns The body; undefined for what was not sealed by the other end. */
  openControl(datagram: Uint8Array): Uint8Array | undefined;
}
