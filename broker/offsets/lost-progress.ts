import type { Logger } from '../../src/common/logger.js';
import type { ConsumerOffsetManager, LoweredOffset } from './consumer-offset-manager.js';

/** Queues that the line of a group names. */
const MAX_NAMED_QUEUES = 8;

/**
 * Takes offsets back to the ends of their queues where a crash took messages that were consumed already, says so with one line for each
 * group, and saves them: should the next crash come at once, the ends will have moved.
 * @param options.endOf the offset that the next message of a queue gets
 */
export function lowerLostProgress(options: {
  offsets: ConsumerOffsetManager;
  endOf: (topic: string, queueId: number) => number;
  isAfterKill: boolean;
  logger: Logger;
}): void {
  const { offsets, endOf, isAfterKill, logger } = options;
  const lowered = offsets.lowerToEnds(endOf, isAfterKill);
  if (lowered.size === 0) return;
  for (const [group, queues] of lowered) {
    logger.warn(`group ${group} had consumed messages that are lost, and goes on at the ends of their queues: ${listOf(queues)}`);
  }
  offsets.flush();
}

function listOf(queues: readonly LoweredOffset[]): string {
  const named = queues.slice(0, MAX_NAMED_QUEUES).map(({ topic, queueId, offset, end }) => `${topic}/${queueId} ${offset} to ${end}`);
  const others = queues.length - named.length;
  return others === 0 ? named.join(', ') : `${named.join(', ')} and ${others} more`;
}
