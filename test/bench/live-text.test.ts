import { describe, expect, it } from 'vitest';
import { LiveText, progressText, sparkline } from '../../src/bench/live-text.js';
import type { IntervalSnapshot } from '../../src/bench/recorder.js';

const SNAPSHOT: IntervalSnapshot = {
  ...{ seconds: 0.5, count: 500, rate: 1000, errors: 0, p50Ms: 0.5, p99Ms: 2.25, p999Ms: 12, meanMs: 1, maxMs: 20 },
  ...{ endToEndMeanMs: 0, endToEndMaxMs: 0, totalCount: 4000, totalErrors: 3 },
};

describe('the live line', () => {
  it('draws the last rates, the highest full', () => {
    expect(sparkline([0, 50, 100])).toBe('▁▅█');
    expect(sparkline([0, 0])).toBe('▁▁');
    expect(sparkline([7])).toBe('█');
  });

  it('shows rate, percentiles, errors and how far the run is', () => {
    const text = new LiveText('sent', { warmupMs: 1000, durationMs: 20_000 });
    text.line({ ...SNAPSHOT, rate: 500 }, 4500, 200);
    expect(text.line(SNAPSHOT, 5000, 200)).toBe(
      '  5 s  ▅█     1,000 msg/s  p50 0.500  p99 2.25  p99.9 12.0 ms  errors 3  sent 4,000  20 %, 16 s left',
    );
    expect(text.line(SNAPSHOT, 5000, 90)).toMatch(/^ {2}5 s {5}1,000 msg\/s/);
    expect(text.line(SNAPSHOT, 500, 90)).toMatch(/warming up$/);
  });

  it('keeps as many bars as there is room for', () => {
    const text = new LiveText('sent', {});
    for (let i = 0; i < 100; i++) {
      expect(text.line(SNAPSHOT, 1000, 110).length).toBeLessThanOrEqual(110);
    }
    expect(text.line(SNAPSHOT, 1000, 300)).toMatch(/ █{40} /);
  });

  it('does not draw an interval that the beginning of the window cut short', () => {
    const text = new LiveText('sent', {});
    const line = text.line(SNAPSHOT, 1000, 200);
    expect(text.line({ ...SNAPSHOT, seconds: 0.01, rate: 0 }, 1500, 200)).toBe(line);
    expect(text.line(SNAPSHOT, 2000, 200)).toContain(' ██ ');
  });

  it('foresees the end by time, by count, or not at all', () => {
    expect(progressText({ durationMs: 600_000 }, SNAPSHOT, 60_000)).toBe('10 %, 9 min left');
    expect(progressText({ durationMs: 36_000_000 }, SNAPSHOT, 360_000)).toBe('1 %, 9 h 54 min left');
    expect(progressText({ quantity: 40_030 }, SNAPSHOT, 10_000)).toBe('10 %, 2 min left');
    expect(progressText({ quantity: 8006 }, SNAPSHOT, 10_000)).toBe('50 %, 10 s left');
    expect(progressText({ quantity: 8006 }, SNAPSHOT, 500)).toBe('50 %');
    expect(progressText({}, SNAPSHOT, 10_000)).toBe('');
  });
});
