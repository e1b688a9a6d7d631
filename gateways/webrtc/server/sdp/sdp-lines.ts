/** Longest session description that is read, UTF-16 units; Chrome's offer with 64 receivers has 340,000. */
export const SDP_MAX_LENGTH: number = 524_288;
/** Longest line that is read; longer ones (nobody needs them) are as if absent. */
const LINE_MAX_LENGTH = 2048;

/** Attributes that an answer depends on. Everything else is dropped before the parser sees it. */
const ATTRIBUTES: ReadonlySet<string> = new Set([
  'bundle-only',
  'candidate',
  'end-of-candidates',
  'extmap',
  'extmap-allow-mixed',
  'fmtp',
  'group',
  'ice-lite',
  'ice-options',
  'ice-pwd',
  'ice-ufrag',
  'inactive',
  'max-message-size',
  'mid',
  'recvonly',
  'rid',
  'rtcp-fb',
  'rtcp-mux',
  'rtcp-rsize',
  'rtpmap',
  'sctp-port',
  'sctpmap',
  'sendonly',
  'sendrecv',
  'setup',
  'simulcast',
  'ssrc',
  'ssrc-group',
]);

/**
 * The lines of `text` worth parsing, CRLF ended. The parser behind runs every line through fifty regular expressions,
 * some of them quadratic: what a stranger sends reaches only those that are needed, and only in short lines.
 * `a=fingerprint` is left out too: the parser keeps the last of several (see {@link sdpFingerprints}).
 */
export function readableLines(text: string): string {
  const kept: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.length > LINE_MAX_LENGTH || line.charAt(1) !== '=') continue;
    if (line.startsWith('a=') && !ATTRIBUTES.has(attributeName(line))) continue;
    kept.push(line);
  }
  return `${kept.join('\r\n')}\r\n`;
}

/** Fingerprints in `text`, session and media level, without duplicates; several per section are legal (RFC 8122 §5). */
export function sdpFingerprints(text: string): { algorithm: string; value: string }[] {
  const found = new Map<string, { algorithm: string; value: string }>();
  for (const match of text.matchAll(
    /^a=fingerprint:([A-Za-z0-9-]{1,16}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){19,63})\s*$/gm,
  )) {
    const algorithm = (match[1] ?? '').toLowerCase();
    const value = (match[2] ?? '').toUpperCase();
    found.set(`${algorithm} ${value}`, { algorithm, value });
    if (found.size === FINGERPRINTS_MAX) break;
  }
  return [...found.values()];
}

const FINGERPRINTS_MAX = 16;

function attributeName(line: string): string {
  const colon = line.indexOf(':');
  return (colon < 0 ? line.slice(2) : line.slice(2, colon)).trim();
}
