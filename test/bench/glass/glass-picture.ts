/**
 * What a measured picture of 1280 × 720 shows: the time as a bar code of 32 bits in its top strip, and a box that is
 * white while the tone sounds, for lip sync. In parts of the picture, so that any layer's size can be read.
 */
export const WIDTH = 1280;
export const HEIGHT = 720;
export const FPS = 30;
export const BITS = 32;
export const BIT_WIDTH = 40;
export const STRIP_HEIGHT = 80;
export const BOX = { x: 560, y: 600, width: 160, height: 120 } as const;
/** The box is white and the tone sounds for so long at the beginning of every second of the stream, seconds. */
export const FLASH_S = 0.2;
export const TONE_HZ = 1000;
