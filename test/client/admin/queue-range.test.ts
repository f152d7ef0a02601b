import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AdminClient } from '../../../src/client/admin/admin-client.js';
import { isInSpan, queueRange } from '../../../src/client/admin/admin-pull.js';
import type { MessageView } from '../../../src/client/admin/message-view.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import type { RequestInit } from '../../../src/remoting/command.js';

const QUEUE = { topic: 'T', brokerName: 'b', queueId: 0 };

/** 5.x: the first message at or after the time; the end where there is none. */
function firstFrom(times: readonly number[], timestamp: number): number {
  const found = times.findIndex((time) => time >= timestamp);
  return found < 0 ? times.length : found;
}

/** 4.9: binary search for any message of that time, else the nearest one. */
function nearest(times: readonly number[], timestamp: number): number {
  let [low, high, left, right] = [0, times.length - 1, -1, -1];
  while (high >= low) {
    const mid = Math.floor((low + high) / 2);
    const time = times[mid]!;
    if (time === timestamp) {
      return mid;
    }
    if (time > timestamp) {
      right = mid;
      high = mid - 1;
    } else {
      left = mid;
      low = mid + 1;
    }
  }
  if (left < 0 || right < 0) {
    return Math.max(left, right, 0);
  }
  return timestamp - times[left]! > times[right]! - timestamp ? right : left;
}

function adminOf(times: readonly number[], minOffset: number, search: typeof firstFrom): AdminClient {
  const answer = ({ code, extFields }: RequestInit): number => {
    switch (code) {
      case RequestCode.GET_MIN_OFFSET:
        return minOffset;
      case RequestCode.GET_MAX_OFFSET:
        return minOffset + times.length;
      default:
        return minOffset + search(times, Number(extFields?.timestamp));
    }
  };
  const ask = async (_: string, request: RequestInit) => ({ extFields: { offset: String(answer(request)) } });
  return { ask } as unknown as AdminClient;
}

it.each([
  ['5.x', firstFrom],
  ['4.9', nearest],
])('every message of a span of store times is read, whatever a broker of %s says of its bounds', async (_, search) => {
  const time = fc.integer({ min: 0, max: 40 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(time, { maxLength: 30 }),
      fc.integer({ min: 0, max: 5 }),
      fc.option(time),
      fc.option(time),
      async (all, min, begin, end) => {
        const times = [...all].sort((a, b) => a - b);
        const span = { begin: begin ?? undefined, end: end ?? undefined };
        const { from, to } = await queueRange(adminOf(times, min, search), 'addr', QUEUE, span);
        const messages = times.map((storeTimestamp, i) => ({ storeTimestamp, queueOffset: min + i }) as MessageView);
        const wanted = messages.filter((message) => isInSpan(message, span));
        const read = messages.filter((message) => message.queueOffset >= from && message.queueOffset < to && isInSpan(message, span));
        expect(read).toEqual(wanted);
        expect(from).toBeGreaterThanOrEqual(min);
        expect(to).toBeLessThanOrEqual(min + times.length);
      },
    ),
    { numRuns: 2000 },
  );
});
