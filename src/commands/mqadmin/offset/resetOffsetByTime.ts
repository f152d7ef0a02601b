import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { readTime } from '../../../cli/read-time.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ResetOffsetResult, ResetQueueResult } from '../../../client/admin/reset-offset.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { ASKING_MOVE_OPTIONS, notePassed, printPreview, undoKeeper } from '../offset-move.js';
import { printCommitted, printNewOffsets } from '../reset-text.js';

const options = defineOptions({
  group: { short: 'g', required: true, text: 'set the consumer group' },
  topic: { short: 't', required: true, text: 'set the topic' },
  timestamp: { short: 's', required: true, text: 'set the timestamp[now|currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
  force: { short: 'f', kind: 'boolean', default: true, text: 'set the force rollback by timestamp switch[true|false]. Deprecated.' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  broker: { short: 'b', text: 'broker addr' },
  queue: { short: 'q', kind: 'int', min: 0, text: 'queue id' },
  offset: { short: 'o', kind: 'int', min: 0, text: 'Expect queue offset, not support old version broker' },
  ...ASKING_MOVE_OPTIONS,
});

type Values = OptionValues<typeof options>;
type Result = (ResetOffsetResult | ResetQueueResult) & { readonly undoFile?: string };

/** Moves a consumer group to a point in time. */
export default class ResetOffsetByTime extends AdminCommand<typeof options, Result> {
  static override summary = 'Reset consumer offset by timestamp(without client restart).';
  static override description = [
    '-s is now, milliseconds, yyyy-MM-dd#HH:mm:ss:SSS, or -1 for the newest message. With -b (an address) and -q only that queue moves,',
    'to -o where it is given. -f false never moves a queue forward. --dry-run shows where every queue is and would go. What was asked for is read',
    'back: a queue that is somewhere else is an error. The offsets as they were are kept in a file: mqadmin undoOffsets -f FILE takes them back.',
  ].join('\n');
  static override examples = [
    'mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid -s now --dry-run',
    'mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid -s 2026-11-21#08:30:00:000',
    'mqadmin resetOffsetByTime -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid -s now -b 127.0.0.1:10911 -q 0 -o 1',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const timestamp = BigInt(values.timestamp === 'now' ? systemClock.nowMs() : readTime(values.timestamp, '-s, --timestamp'));
    const { group, topic, broker, queue, offset, dryRun } = values;
    const { resetOffsetByTime, resetQueueOffset } = await import('../../../client/admin/reset-offset.js');
    const keeper = undoKeeper(values.undoFile, `resetOffsetByTime -g ${group} -t ${topic} -s ${values.timestamp}`, context, values.yes);
    const { beforeChange } = keeper;
    if (broker !== undefined && queue !== undefined) {
      return keeper.withPlace(
        await resetQueueOffset(admin, { group, topic, brokerAddr: broker, queueId: queue, timestamp, offset, dryRun, beforeChange }),
      );
    }
    if (broker !== undefined || queue !== undefined || offset !== undefined) {
      throw new UsageError('-b, -q and -o go together: -b broker address and -q queue id, -o only with both');
    }
    const { force, cluster: routeTopic } = values;
    return keeper.withPlace(await resetOffsetByTime(admin, { group, topic, timestamp, force, routeTopic, dryRun, beforeChange }));
  }

  protected override render(result: Result, out: Output, values: Values): void {
    const times = `timestamp(string)[${values.timestamp}], timestamp(long)[${result.timestamp}]`;
    const subject = `group[${result.group}], topic[${result.topic}]`;
    if (result.dryRun) {
      out.line(`dry run: would reset consumer offset by specified, ${subject}, ${times}`);
      printPreview(result.queues, (line) => out.line(line));
      return;
    }
    notePassed(result.queues, out);
    if (!('way' in result)) {
      out.line(`start reset consumer offset by specified, ${subject}, queueId[${result.queueId}], broker[${result.brokerAddr}], ${times}`);
      out.line(`reset consumer offset to ${result.offset}`);
    } else if (result.way === 'commit') {
      const consumer = `consumerGroup[${result.group}], topic[${result.topic}]`;
      out.line(`reset consumer offset by specified ${consumer}, force[${result.force}], ${times}`);
      printCommitted(result.queues, '#resetOffset', out);
    } else {
      out.line(format('start reset consumer offset by specified, %s, force[%s], %s', subject, result.force, times));
      printNewOffsets(result.queues, out);
    }
  }
}
