/** Longest message and most header fields that are read. */
export const MESSAGE_MAX_BYTES: number = 65_535;
const HEADERS_MAX = 256;

/** Compact header names (RFC 3261 §7.3.3 and later). */
export const COMPACT_NAMES: ReadonlyMap<string, string> = new Map([
  ['i', 'call-id'],
  ['v', 'via'],
  ['f', 'from'],
  ['t', 'to'],
  ['m', 'contact'],
  ['l', 'content-length'],
  ['c', 'content-type'],
  ['r', 'refer-to'],
  ['k', 'supported'],
  ['o', 'event'],
  ['e', 'content-encoding'],
  ['s', 'subject'],
  ['u', 'allow-events'],
  ['b', 'referred-by'],
  ['x', 'session-expires'],
]);

/** One header field, unfolded; positions are those of the value in the message. */
export interface ScannedHeader {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface ScannedMessage {
  readonly startLine: string;
  readonly headers: readonly ScannedHeader[];
  readonly bodyAt: number;
}

/** Start line and header fields of a message; undefined when it is not shaped like one. */
export function scanMessage(text: string): ScannedMessage | undefined {
  const firstEnd = text.indexOf('\r\n');
  if (firstEnd < 0) return undefined;
  const headers: ScannedHeader[] = [];
  let at = firstEnd + 2;
  while (!(text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10)) {
    if (headers.length >= HEADERS_MAX) return undefined;
    let end = text.indexOf('\r\n', at);
    // Folded lines begin with white space (§7.3.1).
    while (end >= 0 && (text.charCodeAt(end + 2) === 32 || text.charCodeAt(end + 2) === 9))
      end = text.indexOf('\r\n', end + 2);
    const colon = text.indexOf(':', at);
    if (end < 0 || colon < 0 || colon > end) return undefined;
    const word = text.slice(at, colon).trim().toLowerCase();
    const value = text
      .slice(colon + 1, end)
      .replace(/\r\n[ \t]+/g, ' ')
      .trim();
    headers.push({ name: COMPACT_NAMES.get(word) ?? word, value, start: colon + 1, end });
    at = end + 2;
  }
  return { startLine: text.slice(0, firstEnd), headers, bodyAt: at + 2 };
}

/** What routing, retransmission and answering need of a message, before it is parsed in full. */
export interface MessageFacts {
  /** undefined for a response. */
  readonly method: string | undefined;
  /** undefined for a request. */
  readonly status: number | undefined;
  readonly requestUri: string;
  readonly callId: string;
  readonly cseq: number;
  readonly cseqMethod: string;
  readonly branch: string;
  /** Host and port of the top Via. */
  readonly sentBy: string;
  readonly from: string;
  readonly to: string;
  readonly route: string | undefined;
  readonly scanned: ScannedMessage;
}

const REQUEST_LINE = /^([A-Za-z0-9\-.!%*_+`'~]{1,32}) (\S+) SIP\/2\.0$/;
const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d) /;
const VIA = /^SIP\s*\/\s*2\.0\s*\/\s*\w+\s+(\[[0-9a-fA-F:.]+\]|[^:;\s]+)(?:\s*:\s*(\d{1,5}))?/i;
const BRANCH = /;\s*branch\s*=\s*([^;\s,]{1,256})/i;

/** @returns undefined when something that every message must have is missing or wrong. */
export function readFacts(text: string): MessageFacts | undefined {
  const scanned = scanMessage(text);
  if (scanned === undefined) return undefined;
  const value = (name: string): string | undefined =>
    scanned.headers.find((each) => each.name === name)?.value;
  const status = STATUS_LINE.exec(`${scanned.startLine} `)?.[1];
  const request = status === undefined ? REQUEST_LINE.exec(scanned.startLine) : null;
  if (status === undefined && request === null) return undefined;
  const top = value('via')?.split(',')[0] ?? '';
  const via = VIA.exec(top);
  const branch = BRANCH.exec(top)?.[1];
  const cseq = /^(\d{1,10})\s+(\S+)$/.exec(value('cseq') ?? '');
  const callId = value('call-id');
  const from = value('from');
  const to = value('to');
  if (via === null || branch === undefined || cseq === null) return undefined;
  if (callId === undefined || callId === '' || from === undefined || to === undefined) return undefined;
  const method = request?.[1];
  const [, cseqNumber = '', cseqMethod = ''] = cseq;
  if (method !== undefined && method !== cseqMethod) return undefined;
  return {
    method,
    status: status === undefined ? undefined : Number(status),
    requestUri: request?.[2] ?? '',
    callId,
    cseq: Number(cseqNumber),
    cseqMethod,
    branch,
    sentBy: `${via[1]}:${via[2] ?? ''}`,
    from,
    to,
    route: value('route'),
    scanned,
  };
}

/** Writes `received` and `rport` into the top Via (RFC 3261 §18.2.1, RFC 3581 §4). */
export function stampVia(text: string, facts: MessageFacts, address: string, port: number): string {
  const via = facts.scanned.headers.find(({ name }) => name === 'via');
  if (via === undefined) return text;
  const raw = text.slice(via.start, via.end);
  const comma = raw.indexOf(',');
  const top = comma < 0 ? raw : raw.slice(0, comma);
  const rest = comma < 0 ? '' : raw.slice(comma);
  const clean = top.replace(/;\s*received\s*=[^;,\s]*/gi, '').replace(/;\s*rport(\s*=\s*\d*)?/gi, '');
  return `${text.slice(0, via.start)}${clean};received=${address};rport=${port}${rest}${text.slice(via.end)}`;
}
