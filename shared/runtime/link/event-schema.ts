import { type EndpointEvent, ERROR_CODES, type ErrorCode, trackId } from '@switchyard/shared/protocol';
import { z } from 'zod';
import { remoteTrackInfoSchema } from './control-schema.ts';

const codes = Object.keys(ERROR_CODES);
const error = z.strictObject({
  code: z.custom<ErrorCode>((value) => typeof value === 'string' && codes.includes(value)),
  detail: z.string().exactOptional(),
});
const track = z.int().min(0).max(0xffff).transform(trackId);
const name = z.string();
const layer = z.strictObject({ spatial: z.int(), temporal: z.int() }).nullable();

const source = z.strictObject({ peer: name, track: name });
const reason = z.enum([
  'best',
  'limit',
  'priority',
  'estimate',
  'waiting-for-keyframe',
  'source-has-no-such-layer',
  'source-silent',
  'no-source',
]);

const schema: z.ZodType<EndpointEvent> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('reply'), request: z.int().min(0), error: error.exactOptional() }),
  z.strictObject({ type: z.literal('error'), error }),
  z.strictObject({ type: z.literal('closed'), error }),
  z.strictObject({ type: z.literal('peer-joined'), peer: name, metadata: z.string().exactOptional() }),
  z.strictObject({ type: z.literal('peer-updated'), peer: name, metadata: z.string().exactOptional() }),
  z.strictObject({ type: z.literal('peer-left'), peer: name }),
  z.strictObject({ type: z.literal('track-started'), peer: name, info: remoteTrackInfoSchema }),
  z.strictObject({ type: z.literal('track-updated'), peer: name, info: remoteTrackInfoSchema }),
  z.strictObject({ type: z.literal('track-stopped'), peer: name, track: name }),
  z.strictObject({ type: z.literal('remote-track-keyframe-request'), track, spatial: z.int().min(0) }),
  z.strictObject({
    type: z.literal('remote-track-limit'),
    track,
    minBps: z.number().min(0),
    maxBps: z.number().min(0),
  }),
  z.strictObject({
    type: z.literal('local-track-status'),
    track,
    status: z.enum(['waiting', 'active', 'inactive', 'paused', 'ended']),
    reason,
  }),
  z.strictObject({
    type: z.literal('local-track-layers'),
    track,
    current: layer,
    target: layer,
    bitrateBps: z.number().min(0),
    reason,
  }),
  z.strictObject({
    type: z.literal('source-layers'),
    track,
    layers: z.array(z.strictObject({ spatial: z.int(), temporal: z.int(), bitrateBps: z.number().min(0) })),
  }),
  z.strictObject({
    type: z.literal('mixer-slot-set'),
    track,
    source,
  }),
  z.strictObject({ type: z.literal('mixer-slot-unset'), track }),
  z.strictObject({ type: z.literal('active-speaker'), source: source.nullable() }),
  z.strictObject({
    type: z.literal('remote-track-layers'),
    track,
    wanted: z.array(z.boolean()),
  }),
  z.strictObject({ type: z.literal('voice-activity'), peer: name, track: name, levelDbov: z.number() }),
  z.strictObject({
    type: z.literal('estimate-config'),
    currentBps: z.number().min(0),
    desiredBps: z.number().min(0),
  }),
  z.strictObject({ type: z.literal('channel-message'), label: name, peer: name, data: z.string() }),
  z.strictObject({ type: z.literal('places'), urls: z.array(z.string()) }),
  z.strictObject({ type: z.literal('go-away'), reason: z.string() }),
]);

/** @returns The event, or undefined when the core of another version sent something else. */
export function parseEvent(value: unknown): EndpointEvent | undefined {
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
