const HEADER_BYTES = 12;
const TLV_HEADER_BYTES = 4;
/** Where parameters begin in the chunks that have some (RFC 9260 §3.3, RFC 6525 §3.1), by type. */
const PARAMETERS_AT: Readonly<Record<number, number>> = { 1: 20, 2: 20, 4: 4, 5: 4, 6: 4, 9: 4, 130: 4 };

/** Type, length in 16 bits, padding to 4 bytes: both of chunks and of parameters. */
function walk(bytes: Buffer, from: number, end: number, isChunks: boolean): boolean {
  for (let at = from; at + TLV_HEADER_BYTES <= end; ) {
    const length = bytes.readUInt16BE(at + 2);
    if (length < TLV_HEADER_BYTES || at + length > end) return false;
    const parametersAt = isChunks ? PARAMETERS_AT[bytes[at] ?? 0] : undefined;
    if (parametersAt !== undefined && !walk(bytes, at + parametersAt, at + length, false)) return false;
    at += (length + 3) & ~3;
  }
  return true;
}

/**
 * Whether every chunk and parameter of an SCTP packet (RFC 9260 §3.2) has a length that is possible. A length below
 * that of its own header would let a parser that steps by it stand still for ever.
 */
export const isWellFormedSctp = (packet: Buffer): boolean =>
  packet.length >= HEADER_BYTES && walk(packet, HEADER_BYTES, packet.length, true);
