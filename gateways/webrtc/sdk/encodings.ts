import type { Codec } from './protocol.ts';

/** Width and height of a picture in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** One encoding as `addTransceiver` takes it; `scalabilityMode` (webrtc-svc) is not yet in the DOM library. */
export interface Encoding {
  rid?: string;
  active: boolean;
  /** Bits per second. */
  maxBitrate: number;
  scaleResolutionDownBy?: number;
  maxFramerate?: number;
  scalabilityMode?: string;
}

export interface EncodingWish {
  readonly codec: Codec;
  /** `detail`: text and windows, read rather than watched. Few frames, full size, no scaled-down twin. */
  readonly content: 'motion' | 'detail';
  /** Most layers, 1 … 3. */
  readonly layers: number;
  /** Cap of the top layer, bits per second; by default from the picture's size. */
  readonly maxBitrateBps?: number;
}

/** Lowest layer first: the order in which the offer lists them. */
const RIDS: readonly string[] = ['q', 'h', 'f'];

/**
 * Chrome sends at most this many simulcast layers of a picture with at least so many pixels, and drops the *top* ones
 * when given more: three rids of 640×360 send 160×90 and 320×180 and nothing else.
 */
const LAYER_STEPS: readonly { readonly pixels: number; readonly layers: number }[] = [
  { pixels: 960 * 540, layers: 3 },
  { pixels: 480 * 270, layers: 2 },
];

/** Frames a second of a shared screen. */
const DETAIL_FRAMERATE = 15;
const DETAIL_BPS = 2_500_000;
/** Cap when the picture's size is unknown, bits per second. */
const UNKNOWN_SIZE_BPS = 2_000_000;

/** @returns How many layers, 1 … `most`, a picture of this size carries. */
export const layersOf = (size: PictureSize | undefined, most: number): number => {
  if (size === undefined) return 1;
  const pixels = size.width * size.height;
  const step = LAYER_STEPS.find((each) => pixels >= each.pixels);
  return Math.max(1, Math.min(most, step?.layers ?? 1));
};

/**
 * Cap for a picture of so many pixels, bits per second, in steps of 10 kbps: grows with pixels^¾, since bigger
 * pictures compress better. 180p 250 kbps, 360p 710 kbps, 720p 2 Mbps, 1080p 3.67 Mbps.
 */
export const bitrateOf = (size: PictureSize): number =>
  Math.max(100_000, Math.round((67.24 * (size.width * size.height) ** 0.75) / 10_000) * 10_000);

const scaled = (size: PictureSize, by: number): PictureSize => ({
  width: size.width / by,
  height: size.height / by,
});

/** Several spatial layers in one stream instead of several streams. */
const isSvc = (codec: Codec): boolean => codec === 'vp9' || codec === 'av1';

/** Of each stream. Of H.264 a viewer can be given fewer only where the dependency descriptor is negotiated, as in Chrome. */
const TEMPORAL_LAYERS = { scalabilityMode: 'L1T3' } as const;

/** The encodings with which a picture of this size is published. */
export const chooseEncodings = (size: PictureSize | undefined, wish: EncodingWish): Encoding[] => {
  const cap =
    wish.maxBitrateBps ??
    (wish.content === 'detail' ? DETAIL_BPS : size === undefined ? UNKNOWN_SIZE_BPS : bitrateOf(size));
  if (wish.content === 'detail') {
    return [{ active: true, maxBitrate: cap, maxFramerate: DETAIL_FRAMERATE, ...TEMPORAL_LAYERS }];
  }
  const layers = layersOf(size, wish.layers);
  if (isSvc(wish.codec)) {
    return [{ active: true, maxBitrate: cap, scalabilityMode: layers === 1 ? 'L1T3' : `L${layers}T3_KEY` }];
  }
  if (size === undefined || layers === 1) return [{ active: true, maxBitrate: cap, ...TEMPORAL_LAYERS }];
  return RIDS.slice(0, layers).map((rid, index) => {
    const by = 2 ** (layers - 1 - index);
    return {
      rid,
      active: true,
      maxBitrate: by === 1 ? cap : Math.min(cap, bitrateOf(scaled(size, by))),
      scaleResolutionDownBy: by,
      ...TEMPORAL_LAYERS,
    };
  });
};

/**
 * The same for a sender whose number of encodings is settled: another track, other sizes, no renegotiation.
 * Encodings above what the new picture carries are switched off.
 */
export const fitEncodings = (
  settled: number,
  size: PictureSize | undefined,
  wish: EncodingWish,
): Encoding[] => {
  if (settled <= 1) return chooseEncodings(size, { ...wish, layers: isSvc(wish.codec) ? wish.layers : 1 });
  const used = layersOf(size, settled);
  const chosen = chooseEncodings(size, { ...wish, layers: used, content: 'motion' });
  return Array.from({ length: settled }, (_, index) => {
    const one = chosen[index];
    const rid = RIDS[index];
    return {
      ...(one ?? { active: false, maxBitrate: chosen[0]?.maxBitrate ?? UNKNOWN_SIZE_BPS }),
      scaleResolutionDownBy: one?.scaleResolutionDownBy ?? 1,
      ...(rid === undefined ? {} : { rid }),
    };
  });
};
