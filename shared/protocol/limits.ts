/** Longest metadata of a peer or track, UTF-8 bytes. */
export const METADATA_MAX_BYTES: number = 4096;
/** Longest message of a channel, UTF-8 bytes. */
export const MESSAGE_MAX_BYTES: number = 16_384;
/** Most remote and most local tracks of one endpoint. */
export const TRACKS_MAX: number = 64;
/** Most encodings or spatial layers of a track. */
export const LAYERS_MAX: number = 4;
/** Most message channels (each way) and most manually subscribed peers of one endpoint. */
export const SUBSCRIPTIONS_MAX: number = 64;
/** Most sources of a manual audio mixer. */
export const MIXER_SOURCES_MAX: number = 64;
/** Highest priority; 1 is lowest. */
export const PRIORITY_MAX: number = 1000;

/** Bytes of `text` in UTF-8; a lone surrogate counts as the three of U+FFFD, which replaces it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair of surrogates is two units and four bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(at + 1))) at += 1;
  }
  return bytes;
}

const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
