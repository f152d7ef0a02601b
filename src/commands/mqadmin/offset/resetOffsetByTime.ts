import { format } from '../../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { readTime } from '../../../cli/read-time.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ResetOffsetResult, ResetQueueResult } from '../../../client/admin/reset-offset.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  group: { short: 'g', required: true, text: 'set the consumer group' },
  topic: { short: 't', required: true, text: 'set the topic' },
  timestamp: { short: 's', required: true, text: 'set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
  force: { short: 'f', kind: 'boolean', default: true, text: 'set the force rollback by timestamp switch[true|false]. Deprecated.' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  broker: { short: 'b', text: 'broker addr' },
  queue: { short: 'q', kind: 'int', min: 0, text: 'queue id' },
  offset: { short: 'o', kind: 'int', min: 0, text: 'Expect queue offset, not support old version broker' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;
type Result = ResetOffsetResult | ResetQueueResult;

/** Moves a consumer group to a point in time. */
export default class ResetOffsetByTime extends AdminCommand<typeof options, Result> {
  static override summary = 'Reset consumer offset by timestamp(without client restart).';
  static override description = [
    '-s is now, milliseconds, yyyy-MM-dd#HH:mm:ss:SSS, or -1 for the newest message. With -b (an address) and -q only that queue moves,',
    'to -o where it is given.',
  ].join('\n');
  static override examples = [
    'mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid -s now --dry-run',
    'mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid -s 2026-11-21#08:30:00:000',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values): Promise<Result> {
    const timestamp = BigInt(values.timestamp === 'now' ? systemClock.nowMs() : readTime(values.timestamp, '-s, --timestamp'));
    const { group, topic, broker, queue, dryRun } = values;
    const { resetOffsetByTime, resetQueueOffset } = await import('../../../client/admin/reset-offset.js');
    if (broker !== undefined && queue !== undefined) {
      return resetQueueOffset(admin, { group, topic, brokerAddr: broker, queueId: queue, timestamp, offset: values.offset, dryRun });
    }
    if (broker !== undefined || queue !== undefined || values.offset !== undefined) {
      throw new UsageError('-b, -q and -o go together: -b broker address and -q queue id, -o only with both');
    }
    return resetOffsetByTime(admin, { group, topic, timestamp, force: values.force, routeTopic: values.cluster, dryRun });
  }

  protected override render(result: Result, out: Output, values: Values): void {
    const dry = result.dryRun ? 'dry run: would ' : '';
    const times = `timestamp(string)[${values.timestamp}], timestamp(long)[${result.timestamp}]`;
    const subject = `group[${result.group}], topic[${result.topic}]`;
    if (!('queues' in result)) {
      out.line(
        `${dry}start reset consumer offset by specified, ${subject}, queueId[${result.queueId}], broker[${result.brokerAddr}], ${times}`,
      );
      out.line(`${dry}reset consumer offset to ${result.offset}`);
      return;
    }
    if (result.way === 'commit' || result.dryRun) {
      const consumer = `consumerGroup[${result.group}], topic[${result.topic}]`;
      out.line(`${dry}reset consumer offset by specified ${consumer}, force[${result.force}], ${times}`);
      printPlan(result, out);
      return;
    }
    out.line(`start reset consumer offset by specified, ${subject}, force[${result.force}], ${times}`);
    out.line(format('%-40s  %-40s  %-40s', '#brokerName', '#queueId', '#offset'));
    for (const queue of result.queues) {
      out.line(format('%-40s  %-40d  %-40d', queue.brokerName, queue.queueId, queue.offset));
    }
  }
}

function printPlan(result: ResetOffsetResult, out: Output): void {
  const columns = '%-20s  %-20s  %-20s  %-20s  %-20s  %-20s';
  out.line(format(columns, '#brokerName', '#queueId', '#brokerOffset', '#consumerOffset', '#timestampOffset', '#resetOffset'));
  for (const queue of result.queues) {
    const { brokerName, queueId, brokerOffset = 0, consumerOffset = 0, timestampOffset = queue.offset, offset } = queue;
    out.line(format(columns, brokerName, queueId, brokerOffset, consumerOffset, timestampOffset, offset));
  }
}
