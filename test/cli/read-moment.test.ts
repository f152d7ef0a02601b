import { describe, expect, it } from 'vitest';
import { readMoment } from '../../src/cli/read-moment.js';

const NOW_MS = 1_700_000_000_123;

function read(text: string): number {
  return readMoment(text, '--begin', NOW_MS);
}

describe('a point in time', () => {
  it.each([
    ['now', NOW_MS],
    ['1700000000000', 1_700_000_000_000],
    ['2026-11-21T08:30:00Z', Date.UTC(2026, 10, 21, 8, 30)],
    ['2026-11-21t08:30:00.5z', Date.UTC(2026, 10, 21, 8, 30, 0, 500)],
    ['2026-11-21T08:30+08:00', Date.UTC(2026, 10, 21, 0, 30)],
    ['2026-11-21 08:30:15,250-0330', Date.UTC(2026, 10, 21, 12, 0, 15, 250)],
    ['2026-11-21T08:30:00', new Date(2026, 10, 21, 8, 30).getTime()],
    ['2026-11-21', new Date(2026, 10, 21).getTime()],
    ['2026-11-21#08:30:00:007', new Date(2026, 10, 21, 8, 30, 0, 7).getTime()],
  ])('%s is read', (text, ms) => {
    expect(read(text)).toBe(ms);
  });

  it.each(['2026-02-29T00:00:00Z', '2026-11-21T24:00:00Z', '2026-11-21T08:60:00', '2026-11-21T', 'yesterday', '', '2026-13-01', '10m'])(
    '%j is refused with examples',
    (text) => {
      expect(() => read(text)).toThrow(/--begin expects a time/);
    },
  );
});
