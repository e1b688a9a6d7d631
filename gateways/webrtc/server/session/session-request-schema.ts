import {
  MESSAGE_MAX_BYTES,
  METADATA_MAX_BYTES,
  MIXER_SOURCES_MAX,
  type ProtocolError,
  type SessionRequest,
  TRACKS_MAX,
} from '@switchyard/shared/protocol';
import { parseWith } from '@switchyard/shared/runtime';
import { z } from 'zod';
import { SDP_MAX_LENGTH } from '../sdp/sdp-lines.ts';

/** At least as many bytes as UTF-16 units: the core counts exactly. */
const text = (maxBytes: number): z.ZodString => z.string().max(maxBytes);

const request = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
/** What names a thing is checked for its alphabet where it is used, with the code `invalid-name`. */
const name = z.string().max(256);
const mid = z.string().min(1).max(32);
const metadata = text(METADATA_MAX_BYTES);
/** 1…1000; other whole numbers get the core's own `invalid-priority`. */
const priority = z.int();
const layer = z.int().min(0).max(7);
const bitrateMode = z.enum(['dynamic', 'max']);
const source = z.strictObject({ peer: name, track: name });
const config = z.strictObject({
  priority,
  maxSpatial: layer,
  maxTemporal: layer,
  minSpatial: layer.exactOptional(),
  minTemporal: layer.exactOptional(),
});

const schema: z.ZodType<SessionRequest> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('join'),
    request,
    protocol: z.int(),
    room: name,
    peer: name,
    token: z.string().max(8192).exactOptional(),
    metadata: metadata.exactOptional(),
    publish: z.strictObject({ peer: z.boolean(), tracks: z.boolean() }).exactOptional(),
    subscribe: z.strictObject({ peers: z.boolean(), tracks: z.boolean() }).exactOptional(),
  }),
  z.strictObject({
    type: z.literal('offer'),
    request,
    sdp: z.string().max(SDP_MAX_LENGTH),
    senders: z
      .array(
        z.strictObject({
          mid,
          name,
          metadata: metadata.exactOptional(),
          priority: priority.exactOptional(),
          bitrateMode: bitrateMode.exactOptional(),
        }),
      )
      .max(TRACKS_MAX),
    receivers: z.array(z.strictObject({ mid, use: z.enum(['mixer', 'manual']) })).max(TRACKS_MAX),
  }),
  z.strictObject({
    type: z.literal('receiver-attach'),
    request,
    mid,
    source,
    config: config.exactOptional(),
  }),
  z.strictObject({ type: z.literal('receiver-config'), request, mid, config }),
  z.strictObject({ type: z.literal('receiver-detach'), request, mid }),
  z.strictObject({
    type: z.literal('mixer-config'),
    request,
    mode: z.enum(['auto', 'manual']).exactOptional(),
    sources: z.array(source).max(MIXER_SOURCES_MAX).exactOptional(),
    paused: z.boolean().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('sender-update'),
    request,
    name,
    metadata: metadata.exactOptional(),
    priority: priority.exactOptional(),
    bitrateMode: bitrateMode.exactOptional(),
  }),
  z.strictObject({ type: z.literal('update-peer'), request, metadata }),
  z.strictObject({ type: z.literal('subscribe-peer'), request, peer: name }),
  z.strictObject({ type: z.literal('unsubscribe-peer'), request, peer: name }),
  z.strictObject({ type: z.literal('channel-subscribe'), request, label: name }),
  z.strictObject({ type: z.literal('channel-unsubscribe'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish-start'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish-stop'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish'), request, label: name, data: text(MESSAGE_MAX_BYTES) }),
  z.strictObject({ type: z.literal('leave'), request }),
]);

export type SessionRequestResult =
  | { readonly ok: true; readonly request: SessionRequest }
  | { readonly ok: false; readonly number: number | undefined; readonly error: ProtocolError };

/** Reads one WebSocket message. What is wrong is named by its path; `number` is the request's, when it can be read. */
export function parseSessionRequest(message: string): SessionRequestResult {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return refuse(undefined, 'not JSON');
  }
  const parsed = parseWith(schema, value);
  if ('value' in parsed) return { ok: true, request: parsed.value };
  return { ok: false, number: numberOf(value), error: parsed.error };
}

function numberOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('request' in value)) return undefined;
  const parsed = request.safeParse(value.request);
  return parsed.success ? parsed.data : undefined;
}

const refuse = (number: number | undefined, detail: string): SessionRequestResult => ({
  ok: false,
  number,
  error: { code: 'invalid-request', detail },
});
