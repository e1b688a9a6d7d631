import type { MediaDescription } from 'sdp-transform';

/** One payload type of an offered m-line. */
export interface OfferedCodec {
  readonly payloadType: number;
  /** As written: `opus`, `VP8`, `H264`… */
  readonly name: string;
  readonly clockRate: number;
  readonly channels: number;
  /** Format parameters as written, for the answer. */
  readonly config: string;
  /** The same by lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
  /** RTCP feedback that the offer names for it, e.g. `nack`, `nack pli`, `ccm fir`. */
  readonly feedback: readonly string[];
}

export interface OfferedCodecs {
  readonly codecs: readonly OfferedCodec[];
  readonly rtx: ReadonlyMap<number, number>;
  /** Redundant audio (RFC 2198) by the payload type that it repeats. */
  readonly red: ReadonlyMap<number, number>;
}

const CODECS_MAX = 128;

/** With RTCP multiplexed, 64–95 would be mistaken for RTCP (RFC 5761 §4). */
const isPayloadType = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= 127 && (value < 64 || value > 95);

/** Payload types in the order of the m-line, with what `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` say of them. */
export function readCodecs(section: MediaDescription, payloads: string): OfferedCodecs {
  const maps = new Map(section.rtp.map((entry) => [Number(entry.payload), entry]));
  const configs = new Map(section.fmtp.map((entry) => [Number(entry.payload), String(entry.config).trim()]));
  const codecs: OfferedCodec[] = [];
  const rtx = new Map<number, number>();
  const red = new Map<number, number>();
  for (const payloadType of payloads.split(/\s+/).map(Number).slice(0, CODECS_MAX)) {
    const map = maps.get(payloadType);
    if (map === undefined || !isPayloadType(payloadType)) continue;
    const config = configs.get(payloadType) ?? '';
    const parameters = formatParameters(config);
    if (String(map.codec).toLowerCase() === 'rtx') {
      const repaired = Number(parameters.get('apt'));
      if (isPayloadType(repaired) && !rtx.has(repaired)) rtx.set(repaired, payloadType);
      continue;
    }
    if (String(map.codec).toLowerCase() === 'red') {
      // `111/111`: one payload type in all generations, or it cannot be told what a copy is.
      const [repeated, ...others] = config.split('/').map(Number);
      if (repeated !== undefined && isPayloadType(repeated) && others.every((each) => each === repeated))
        red.set(repeated, payloadType);
      continue;
    }
    codecs.push({
      payloadType,
      name: String(map.codec),
      clockRate: Number(map.rate ?? 0),
      channels: Number(map.encoding ?? 1),
      config,
      parameters,
      feedback: feedbackOf(section, payloadType),
    });
  }
  return { codecs, rtx, red };
}

/** `a=1; b=2` by lower-case name (RFC 8866 §6.15). */
function formatParameters(config: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of config.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  return parameters;
}

function feedbackOf(section: MediaDescription, payloadType: number): string[] {
  return (section.rtcpFb ?? [])
    .filter((entry) => entry.payload === '*' || Number(entry.payload) === payloadType)
    .map((entry) => (entry.subtype === undefined ? String(entry.type) : `${entry.type} ${entry.subtype}`));
}
