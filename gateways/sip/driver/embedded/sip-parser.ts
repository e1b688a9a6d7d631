/** A hand-written parser that fills sip.js's message classes: its generated grammar is a hundred times slower. */
import { Core, NameAddrHeader, URI } from 'sip.js';
import type { ScannedHeader, ScannedMessage } from './sip-scan.ts';

type Message = Core.IncomingRequestMessage | Core.IncomingResponseMessage;
type Parameters = Record<string, string | null>;

const SIP_URI =
  /^(sips?|tel):(?:([^@]*)@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9\-._+]+)(?::(\d{1,5}))?((?:;[^;?<>\s]+)*)(\?\S*)?$/i;
const PORT_MAX = 65_535;
const CSEQ_MAX = 0x7fff_ffff;

export function parseUri(text: string): URI | undefined {
  const match = SIP_URI.exec(text);
  if (match === null) return undefined;
  const [, scheme = 'sip', userInfo = '', host = '', port, parameters = ''] = match;
  if (port !== undefined && Number(port) > PORT_MAX) return undefined;
  const user = decodeUser(userInfo.split(':')[0] ?? '');
  if (user === undefined) return undefined;
  return new URI(
    scheme.toLowerCase(),
    user,
    host,
    port === undefined ? undefined : Number(port),
    parameters === ''
      ? {}
      : Object.fromEntries(
          Object.entries(parseParameters(parameters.slice(1))).map(([k, v]) => [k, v ?? '']),
        ),
    {},
  );
}

function decodeUser(user: string): string | undefined {
  try {
    return decodeURIComponent(user);
  } catch {
    return undefined;
  }
}

/** Splits at `separator` outside of quotes and angle brackets. */
export function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted) {
      if (letter === '\\') at += 1;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '<') depth += 1;
    else if (letter === '>') depth -= 1;
    else if (letter === separator && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function parseParameters(text: string): Parameters {
  const parameters: Parameters = {};
  for (const part of splitOutside(text, ';')) {
    const equals = part.indexOf('=');
    if (equals < 0) parameters[part.trim().toLowerCase()] = null;
    else parameters[part.slice(0, equals).trim().toLowerCase()] = part.slice(equals + 1).trim();
  }
  return parameters;
}

/** `"Ann" <sip:ann@example.org>;tag=1`, or the same without brackets. */
export function parseNameAddr(value: string): NameAddrHeader | undefined {
  let text = value.trim();
  let name = '';
  const quoted = /^"((?:[^"\\]|\\.)*)"\s*/.exec(text);
  if (quoted !== null) {
    name = (quoted[1] ?? '').replace(/\\(.)/g, '$1');
    text = text.slice(quoted[0].length);
  }
  const open = text.indexOf('<');
  const close = text.indexOf('>', open);
  if (open >= 0 && close < 0) return undefined;
  if (open > 0 && name === '') name = text.slice(0, open).trim();
  const semicolon = text.indexOf(';');
  const uriText = open >= 0 ? text.slice(open + 1, close) : semicolon < 0 ? text : text.slice(0, semicolon);
  const rest = (open >= 0 ? text.slice(close + 1) : semicolon < 0 ? '' : text.slice(semicolon)).trim();
  const uri = parseUri(uriText.trim());
  if (uri === undefined || (rest !== '' && !rest.startsWith(';'))) return undefined;
  const parameters = rest === '' ? {} : parseParameters(rest.slice(1));
  return new NameAddrHeader(
    uri,
    name,
    Object.fromEntries(Object.entries(parameters).map(([k, v]) => [k, v ?? ''])),
  );
}

const VIA = /^SIP\s*\/\s*2\.0\s*\/\s*([\w-]+)\s+(\[[0-9a-fA-F:.]+\]|[^:;\s]+)(?:\s*:\s*(\d+))?\s*(;.*)?$/is;

function parseVia(text: string): Record<string, unknown> | undefined {
  const match = VIA.exec(text.trim());
  if (match === null) return undefined;
  const [, transport = '', host, port, parameters] = match;
  const via: Record<string, unknown> = {
    protocol: 'SIP',
    transport: transport.toUpperCase(),
    host,
    port: port === undefined ? undefined : Number(port),
  };
  if (parameters !== undefined)
    for (const [key, value] of Object.entries(parseParameters(parameters.slice(1)))) via[key] = value ?? '';
  return via;
}

/** @returns The message for sip.js, undefined when it is malformed. */
export function parseSipMessage(text: string, scanned: ScannedMessage): Message | undefined {
  const message = parseStartLine(scanned.startLine);
  if (message === undefined) return undefined;
  message.data = text;
  for (const header of scanned.headers) if (!readHeader(message, header)) return undefined;
  const { via, from, to, callId, cseq, viaBranch } = message as Partial<Message>;
  if (!via || !from || !to || !callId || cseq === undefined || !viaBranch) return undefined;
  return readBody(message, text.slice(scanned.bodyAt)) ? message : undefined;
}

function parseStartLine(line: string): Message | undefined {
  if (line.startsWith('SIP/2.0 ')) {
    const response = new Core.IncomingResponseMessage();
    response.statusCode = Number(line.slice(8, 11));
    response.reasonPhrase = line.slice(12);
    return response.statusCode >= 100 && response.statusCode < 700 ? response : undefined;
  }
  const [method = '', target = ''] = line.split(' ');
  const request = new Core.IncomingRequestMessage();
  const uri = parseUri(target);
  if (uri === undefined) return undefined;
  request.method = method;
  request.ruri = uri;
  return request;
}

/** sip.js keeps parsed values beside the raw ones, under its own capitalisation. */
function setParsed(message: Message, name: string, parsed: unknown): void {
  const entries = message.headers[name];
  const last = entries?.at(-1);
  if (last !== undefined) last.parsed = parsed;
}

function readHeader(message: Message, { name, value }: ScannedHeader): boolean {
  switch (name) {
    case 'via':
      return splitOutside(value, ',').every((each) => readVia(message, each.trim()));
    case 'from':
    case 'to':
      return readParty(message, name, value);
    case 'contact':
      if (value === '*') {
        message.addHeader(name, value);
        return true;
      }
      return readAddresses(message, name, 'Contact', value);
    case 'route':
      return readAddresses(message, name, 'Route', value);
    case 'record-route':
      return readAddresses(message, name, 'Record-Route', value);
    case 'call-id':
      message.setHeader(name, value);
      message.callId = value;
      return true;
    case 'cseq':
      return readCseq(message, value);
    case 'content-length':
      message.setHeader(name, value);
      return /^\d{1,6}$/.test(value);
    default:
      message.addHeader(name, value);
      return true;
  }
}

function readVia(message: Message, value: string): boolean {
  message.addHeader('via', value);
  if (message.via !== undefined) return true;
  const via = parseVia(value);
  if (via === undefined || typeof via['branch'] !== 'string') return false;
  Object.assign(message, { via });
  message.viaBranch = via['branch'];
  setParsed(message, 'Via', via);
  return true;
}

function readParty(message: Message, name: 'from' | 'to', value: string): boolean {
  const party = parseNameAddr(value);
  if (party === undefined) return false;
  message.setHeader(name, value);
  const tag = party.getParam('tag');
  if (name === 'from') {
    message.from = party;
    setParsed(message, 'From', party);
    if (typeof tag === 'string') message.fromTag = tag;
  } else {
    message.to = party;
    setParsed(message, 'To', party);
    if (typeof tag === 'string') message.toTag = tag;
  }
  return true;
}

function readAddresses(message: Message, name: string, canonical: string, value: string): boolean {
  return splitOutside(value, ',').every((each) => {
    const address = parseNameAddr(each);
    if (address === undefined) return false;
    message.addHeader(name, each.trim());
    setParsed(message, canonical, address);
    return true;
  });
}

function readCseq(message: Message, value: string): boolean {
  const match = /^(\d{1,10})\s+(\S+)$/.exec(value);
  const number = Number(match?.[1]);
  const method = match?.[2] ?? '';
  if (match === null || number > CSEQ_MAX) return false;
  message.setHeader('cseq', value);
  message.cseq = number;
  setParsed(message, 'CSeq', { value: number, method });
  if (message instanceof Core.IncomingRequestMessage) return method === message.method;
  message.method = method;
  return true;
}

function readBody(message: Message, body: string): boolean {
  const length = message.getHeader('content-length');
  const bytes = Buffer.from(body);
  if (length !== undefined && bytes.length < Number(length)) return false;
  message.body = length === undefined ? body : bytes.toString('utf8', 0, Number(length));
  return true;
}
