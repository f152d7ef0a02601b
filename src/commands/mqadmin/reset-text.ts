import { format } from '../../cli/format.js';
import type { Output } from '../../cli/output.js';
import type { MovedQueue } from '../../client/admin/offset-moves.js';
import type { ResetMove } from '../../client/admin/reset-offset.js';

/** The table of a reset that brokers made; queues of brokers that refused are not in it. */
export function printNewOffsets(queues: readonly MovedQueue<ResetMove>[], out: Output): void {
  const columns = '%-40s  %-40s  %-40s';
  out.line(format(columns, '#brokerName', '#queueId', '#offset'));
  for (const { brokerName, queueId, offset, state } of queues) {
    if (state !== 'failed') {
      out.line(format(columns, brokerName, queueId, offset));
    }
  }
}

/** The table of a reset that was committed for an offline group, the way of old brokers. */
export function printCommitted(queues: readonly MovedQueue<ResetMove>[], lastTitle: string, out: Output): void {
  const columns = '%-20s  %-20s  %-20s  %-20s  %-20s  %-20s';
  out.line(format(columns, '#brokerName', '#queueId', '#brokerOffset', '#consumerOffset', '#timestampOffset', lastTitle));
  for (const { brokerName, queueId, brokerOffset, before, timestampOffset, offset, state } of queues) {
    if (state !== 'failed') {
      out.line(format(columns, brokerName, queueId, brokerOffset, before ?? 0, timestampOffset, offset));
    }
  }
}
