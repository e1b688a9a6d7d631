import { CODECS } from '@switchyard/shared/media';
import {
  type EndpointControl,
  LAYERS_MAX,
  MESSAGE_MAX_BYTES,
  METADATA_MAX_BYTES,
  MIXER_SOURCES_MAX,
  TRACKS_MAX,
  trackId,
} from '@switchyard/shared/protocol';
import { z } from 'zod';
import { type Parsed, parseWith } from './parse-with.ts';

/** At least as many bytes as UTF-16 units: the engine counts exactly. */
const utf8 = (maxBytes: number): z.ZodString => z.string().max(maxBytes);

const request = z.int().min(0).exactOptional();
/** What names a thing is checked for its alphabet by the engine, with the code `invalid-name`. */
const name = z.string().max(256);
const track = z.int().min(0).max(0xffff).transform(trackId);
const metadata = utf8(METADATA_MAX_BYTES);
const bitrateBps = z.number().min(0).max(1e12);
/** Its range is checked by the engine, with the code `invalid-priority`. */
const priority = z.int();
const layer = z.int().min(0).max(15);
const sources = z.array(z.strictObject({ peer: name, track: name })).max(MIXER_SOURCES_MAX);
const kind = z.enum(['audio', 'video']);
const source = z.strictObject({ peer: name, track: name });
const layers = z
  .array(
    z.strictObject({
      rid: z.string().max(64).exactOptional(),
      width: z.int().min(0).max(65_535).exactOptional(),
      height: z.int().min(0).max(65_535).exactOptional(),
      maxBitrateBps: bitrateBps.exactOptional(),
      active: z.boolean().exactOptional(),
    }),
  )
  .max(LAYERS_MAX);
const bitrateMode = z.enum(['dynamic', 'max']);
const config = z.strictObject({
  priority,
  maxSpatial: layer,
  maxTemporal: layer,
  minSpatial: layer.exactOptional(),
  minTemporal: layer.exactOptional(),
});

export const remoteTrackInfoSchema: z.ZodType<
  Extract<EndpointControl, { type: 'remote-track-start' }>['info']
> = z.strictObject({
  name,
  kind,
  codec: z.enum(CODECS),
  layers,
  metadata: metadata.exactOptional(),
  priority: priority.exactOptional(),
  bitrateMode: bitrateMode.exactOptional(),
  keyframeOnRequest: z.boolean().exactOptional(),
});

const schema: z.ZodType<EndpointControl> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    client: z.enum(['sdk', 'whip', 'whep', 'rtmp', 'sip']),
    address: z.string().max(128).exactOptional(),
  }),
  z.strictObject({ type: z.literal('close') }),
  z.strictObject({
    type: z.literal('join'),
    request,
    app: name,
    room: name,
    peer: name,
    metadata: metadata.exactOptional(),
    publish: z.strictObject({ peer: z.boolean(), tracks: z.boolean() }),
    subscribe: z.strictObject({ peers: z.boolean(), tracks: z.boolean() }),
    permissions: z.strictObject({ publish: z.boolean(), subscribe: z.boolean(), data: z.boolean() }),
    replace: z.boolean(),
    resumed: z.boolean().exactOptional(),
  }),
  z.strictObject({ type: z.literal('leave'), request }),
  z.strictObject({ type: z.literal('update-peer'), request, metadata }),
  z.strictObject({ type: z.literal('subscribe-peer'), request, peer: name }),
  z.strictObject({ type: z.literal('unsubscribe-peer'), request, peer: name }),
  z.strictObject({ type: z.literal('remote-track-start'), request, track, info: remoteTrackInfoSchema }),
  z.strictObject({
    type: z.literal('remote-track-update'),
    request,
    track,
    metadata: metadata.exactOptional(),
    layers: layers.exactOptional(),
    priority: priority.exactOptional(),
    bitrateMode: bitrateMode.exactOptional(),
  }),
  z.strictObject({ type: z.literal('remote-track-stop'), request, track }),
  z.strictObject({
    type: z.literal('local-track-attach'),
    request,
    track,
    kind,
    source,
    config,
    descriptors: z.boolean().exactOptional(),
    observe: z.boolean().exactOptional(),
  }),
  z.strictObject({ type: z.literal('local-track-detach'), request, track }),
  z.strictObject({ type: z.literal('local-track-config'), request, track, config }),
  z.strictObject({ type: z.literal('local-track-keyframe-request'), track }),
  z.strictObject({
    type: z.literal('mixer-attach'),
    request,
    mode: z.enum(['auto', 'manual']),
    slots: z.array(track).max(TRACKS_MAX),
    sources: sources.exactOptional(),
    paused: z.boolean().exactOptional(),
  }),
  z.strictObject({
    type: z.literal('mixer-config'),
    request,
    sources: sources.exactOptional(),
    paused: z.boolean().exactOptional(),
  }),
  z.strictObject({ type: z.literal('mixer-detach'), request }),
  z.strictObject({ type: z.literal('egress-estimate'), bitrateBps, congested: z.boolean() }),
  z.strictObject({ type: z.literal('channel-subscribe'), request, label: name }),
  z.strictObject({ type: z.literal('channel-unsubscribe'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish-start'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish-stop'), request, label: name }),
  z.strictObject({ type: z.literal('channel-publish'), request, label: name, data: utf8(MESSAGE_MAX_BYTES) }),
]);

/** The request number of something that may be a control: what a refusal of it is answered with. */
export function requestOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !('request' in value)) return undefined;
  const number = value.request;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** @returns The control, or an error whose detail names the first key that is wrong. */
export const parseControl = (value: unknown): Parsed<EndpointControl> => parseWith(schema, value);
