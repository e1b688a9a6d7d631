/** What became of one packet, as the receiver's transport-wide feedback tells. */
export interface PacketResult {
  /** Unwrapped transport-wide sequence number. */
  seq: number;
  sentMs: number;
  /** On the receiver's clock, unwrapped; −1 for a packet that did not arrive. */
  arrivalMs: number;
  /** Size of the RTP packet, without IP and UDP. */
  bytes: number;
  /** Number of the probe cluster it belongs to; −1 for none. */
  cluster: number;
}
