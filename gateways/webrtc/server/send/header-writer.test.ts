import {
  emptyRtpHeader,
  findExtension,
  NO_AUDIO_LEVEL,
  readRtpHeader,
  readU24,
} from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import type { NegotiatedMedia } from '../peer-contract.ts';
import { HeaderWriter } from './header-writer.ts';

const media: NegotiatedMedia = {
  mid: '1',
  kind: 'video',
  direction: 'send',
  codecs: [],
  extensions: { mid: 4, 'playout-delay': 6, 'transport-cc': 3 },
  rids: [],
  offeredRids: [],
  ssrcs: [],
};

/** The playout delay in a header, undefined when it says none. */
function written(writer: HeaderWriter): number | undefined {
  const bytes = new Uint8Array(200);
  const end = writer.write(bytes, 0, 96, true, 7, 8, 9, NO_AUDIO_LEVEL, 0, 1000);
  const header = emptyRtpHeader();
  expect(readRtpHeader(bytes, end + 10, header)).toBe(true);
  const element = { id: 0, offset: 0, length: 0 };
  return findExtension(bytes, header, 6, element) ? readU24(bytes, element.offset) : undefined;
}

describe('an RTP header', () => {
  it('says the playout delay of the room in steps of 10 ms, and nothing where there is none', () => {
    const writer = new HeaderWriter(media);
    expect(written(writer)).toBeUndefined();
    writer.setPlayoutDelay(200, 400);
    expect(written(writer)).toBe((20 << 12) | 40);
    writer.setPlayoutDelay(0, 40_950);
    expect(written(writer)).toBe(0xfff);
    const { 'playout-delay': _, ...others } = media.extensions;
    writer.apply({ ...media, extensions: others });
    expect(written(writer)).toBeUndefined();
  });
});
