import type { QueueTimeSpan } from '../../remoting/bodies/consume-stats.js';

/** No message is older than this: brokers count the age of a message that they no longer have from about 1970. */
const DAY_MS = 86_400_000;

/**
 * Age of the first message that a group has not consumed of a queue, or why it is not known. Where that message has expired, the
 * first one that is left is the next to be consumed.
 */
export function lagTimeOf({ delayTime, minTimeStamp }: QueueTimeSpan, nowMs: number): number | string {
  if (delayTime < 0) {
    return 'the broker does not know it';
  }
  if (nowMs - delayTime > DAY_MS) {
    return delayTime;
  }
  // The delay is the broker's own time, so that clocks that differ do not matter.
  return minTimeStamp > 0 ? Math.max(0, delayTime - minTimeStamp) : 'the first message that was not consumed has expired';
}
