import { readSenderInfo, writeSenderReport } from '@switchyard/shared/media';
import { describe, expect, it } from 'vitest';
import { ReportClock } from './report-clock.ts';

describe('a report clock', () => {
  it('measures the round trip of a sender report that comes back', () => {
    const clock = new ReportClock();
    const ntpMs = 1_790_000_000_123.4;
    const report = writeSenderReport({ ssrc: 1, ntpMs, timestamp: 0, packets: 0, octets: 0 });
    const lastSr = readSenderInfo(report)?.ntpMiddle ?? 0;
    expect(clock.rttMs).toBeUndefined();
    clock.onReport(0, 0, ntpMs);
    expect(clock.rttMs).toBeUndefined();
    clock.onReport(lastSr, 0.5 * 65_536, ntpMs + 500 + 80);
    expect(clock.rttMs).toBeCloseTo(80, 0);
    // A report of the future, and one of long ago, are not believed.
    clock.onReport(lastSr, 0.5 * 65_536, ntpMs + 100);
    clock.onReport(lastSr, 0, ntpMs + 60_000);
    expect(clock.rttMs).toBeCloseTo(80, 0);
  });
});
