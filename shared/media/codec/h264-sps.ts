import { BitReader } from '../bit-reader.ts';

/** Facts of a sequence parameter set (ITU-T H.264 §7.3.2.1.1, annex E). */
export interface H264Sps {
  readonly profileIdc: number;
  readonly levelIdc: number;
  readonly width: number;
  readonly height: number;
  /**
   * Pictures that may come before their turn: 0 means decoding order is display order. Undefined when the SPS leaves
   * it open, as OBS's x264 does for streams without B-frames too.
   */
  readonly reorderFrames: number | undefined;
}

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const BASELINE = 66;

/** Takes the emulation prevention bytes (§7.4.1.1) out of a NAL unit. */
export function unescapeNal(nal: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !reader.overrun; i += 1) {
    if (next !== 0) next = (last + reader.signed() + 256) & 255;
    last = next === 0 ? last : next;
  }
}

function skipHrd(reader: BitReader): void {
  const count = reader.unsigned() + 1;
  reader.bits(8);
  for (let i = 0; i < count && !reader.overrun; i += 1) {
    reader.unsigned();
    reader.unsigned();
    reader.flag();
  }
  reader.bits(20);
}

/** @returns max_num_reorder_frames, or undefined when the VUI does not say. */
function readVuiReorder(reader: BitReader): number | undefined {
  if (reader.flag() && reader.bits(8) === 255) reader.bits(32);
  if (reader.flag()) reader.flag();
  if (reader.flag()) {
    reader.bits(4);
    if (reader.flag()) reader.bits(24);
  }
  if (reader.flag()) {
    reader.unsigned();
    reader.unsigned();
  }
  if (reader.flag()) {
    reader.bits(32);
    reader.bits(32);
    reader.flag();
  }
  const nalHrd = reader.flag();
  if (nalHrd) skipHrd(reader);
  const vclHrd = reader.flag();
  if (vclHrd) skipHrd(reader);
  if (nalHrd || vclHrd) reader.flag();
  reader.flag();
  if (!reader.flag()) return undefined;
  reader.flag();
  for (let i = 0; i < 4; i += 1) reader.unsigned();
  const reorder = reader.unsigned();
  return reader.overrun ? undefined : reorder;
}

/** @param nal The SPS with its NAL header. @returns undefined when it is malformed. */
export function readH264Sps(nal: Uint8Array): H264Sps | undefined {
  const bytes = unescapeNal(nal);
  if (bytes.length < 5 || ((bytes[0] ?? 0) & 31) !== 7) return undefined;
  const profileIdc = bytes[1] ?? 0;
  const levelIdc = bytes[3] ?? 0;
  const reader = new BitReader(bytes.subarray(4));
  reader.unsigned();
  let chroma = 1;
  if (HIGH_PROFILES.has(profileIdc)) {
    chroma = reader.unsigned();
    if (chroma === 3) reader.flag();
    reader.unsigned();
    reader.unsigned();
    reader.flag();
    const hasScaling = reader.flag();
    const lists = chroma === 3 ? 12 : 8;
    for (let i = 0; hasScaling && i < lists; i += 1) {
      const present = reader.flag();
      if (present) skipScalingList(reader, i < 6 ? 16 : 64);
    }
  }
  reader.unsigned();
  const pocType = reader.unsigned();
  if (pocType === 0) reader.unsigned();
  else if (pocType === 1) {
    reader.flag();
    reader.signed();
    reader.signed();
    const cycle = reader.unsigned();
    for (let i = 0; i < cycle && i < 256; i += 1) reader.signed();
  }
  reader.unsigned();
  reader.flag();
  const widthMbs = reader.unsigned() + 1;
  const heightUnits = reader.unsigned() + 1;
  const framesOnly = reader.flag();
  if (!framesOnly) reader.flag();
  reader.flag();
  const crop = { left: 0, right: 0, top: 0, bottom: 0 };
  if (reader.flag()) {
    crop.left = reader.unsigned();
    crop.right = reader.unsigned();
    crop.top = reader.unsigned();
    crop.bottom = reader.unsigned();
  }
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  const vui = reader.flag() ? readVuiReorder(reader) : undefined;
  if (reader.overrun) return undefined;
  return {
    profileIdc,
    levelIdc,
    width: widthMbs * 16 - (crop.left + crop.right) * cropX,
    height: heightUnits * 16 * (framesOnly ? 1 : 2) - (crop.top + crop.bottom) * cropY,
    // Baseline has no B slices, and with pic_order_cnt_type 2 output order is decoding order (§8.2.1.3).
    reorderFrames: pocType === 2 || profileIdc === BASELINE ? 0 : vui,
  };
}
