import type { AvcConfig } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import { ReorderDetector } from './reorder-detector.ts';

/** Sequence parameter sets as libx264 wrote them for 320×240 at 30 fps, with the options named. */
const SPS = {
  '-profile:v baseline': '6742c00dd90141fb0110000003001000000303c0f142a480',
  '-profile:v main -tune zerolatency': '674d400dd90141fb0110000003001000000303c8f142a480',
  'defaults (High, B-frames)': '6764000dacd94141fb0110000003001000000303c0f1429960',
  '-pix_fmt yuv422p -bf 0': '677a000dbcb20283f60220000003002000000781e28549',
} as const;
const configOf = (hex: string): AvcConfig => {
  const sps = Buffer.from(hex, 'hex');
  return { profileIdc: sps[1] ?? 0, levelIdc: sps[3] ?? 0, lengthBytes: 4, sps: [sps], pps: [] };
};
const configured = (hex: string): ReorderDetector => {
  const detector = new ReorderDetector();
  detector.configure(configOf(hex));
  return detector;
};

describe('ReorderDetector', () => {
  it.each([
    ['-profile:v baseline', 'in-order'],
    ['-profile:v main -tune zerolatency', 'in-order'],
    ['defaults (High, B-frames)', 'reordered'],
    // In order, but no browser plays 4:2:2: it has to be transcoded as well.
    ['-pix_fmt yuv422p -bf 0', 'reordered'],
  ] as const)('knows libx264 %s before the first picture', (options, ordering) => {
    expect(configured(SPS[options]).ordering).toBe(ordering);
  });

  it('does not know what a broken parameter set says', () => {
    expect(configured('67').ordering).toBe('unknown');
    expect(configured('6764000dacd9').ordering).toBe('unknown');
  });

  it('sees the first picture that steps back, and stays with it', () => {
    const detector = new ReorderDetector();
    for (const ptsMs of [0, 33, 66, 100]) detector.picture(ptsMs);
    expect(detector.ordering).toBe('unknown');
    detector.picture(66.5);
    detector.picture(133);
    expect(detector.ordering).toBe('reordered');
  });

  it('begins anew with a new configuration', () => {
    const detector = new ReorderDetector();
    detector.picture(1000);
    detector.configure(configOf('67'));
    detector.picture(0);
    detector.picture(33);
    expect(detector.ordering).toBe('unknown');
  });
});
