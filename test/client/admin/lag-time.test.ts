import { expect, it } from 'vitest';
import { lagTimeOf } from '../../../src/client/admin/lag-time.js';

const NOW_MS = 1_800_000_000_000;

it.each([
  ['is what the broker says', { delayTime: 5_000 }, 5_000],
  ['of an expired message is that of the first one left', { delayTime: NOW_MS + 1 }, 3_600_001],
  ['of an expired message by a clock that is behind, too', { delayTime: NOW_MS - 120_000 }, 3_480_000],
  ['is not known when nothing is left', { delayTime: NOW_MS + 1, minTimeStamp: -1 }, 'the first message that was not consumed has expired'],
  ['is not known when the broker does not say it', { delayTime: -1 }, 'the broker does not know it'],
])('lag in time %s', (_, span, expected) => {
  const messageQueue = { topic: 'T', brokerName: 'a', queueId: 0 };
  const given = { messageQueue, minTimeStamp: NOW_MS - 3_600_000, maxTimeStamp: NOW_MS, consumeTimeStamp: 0, ...span };
  expect(lagTimeOf(given, NOW_MS)).toBe(expected);
});
