import { cut, dateTime, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AllProgressResult, GroupProgressResult, QueueProgress } from '../../../client/admin/consumer-progress.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  groupName: { short: 'g', text: 'consumer group name' },
  topicName: { short: 't', text: 'topic name' },
  showClientIP: { short: 's', kind: 'boolean', default: false, text: 'Show Client IP per Queue' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
});

type Result = AllProgressResult | GroupProgressResult;

/** Shows how far groups are. */
export default class ConsumerProgress extends AdminCommand<typeof options, Result> {
  static override summary = "Query consumer's progress, speed.";
  static override description = 'Without -g all groups that have a retry topic; with -g every queue of one group.';
  static override examples = [
    'mqadmin consumerProgress -n 127.0.0.1:9876',
    'mqadmin consumerProgress -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Result> {
    const { allProgress, groupProgress } = await import('../../../client/admin/consumer-progress.js');
    if (values.groupName === undefined) {
      return allProgress(admin);
    }
    return groupProgress(admin, {
      consumerGroup: values.groupName,
      topic: values.topicName,
      routeTopic: values.cluster,
      showClientIP: values.showClientIP,
    });
  }

  protected override render(result: Result, out: Output, values: OptionValues<typeof options>): void {
    if ('groups' in result) {
      printGroups(result, out);
    } else {
      printQueues(result, out, values.showClientIP);
    }
  }
}

function printGroups(result: AllProgressResult, out: Output): void {
  out.line(format('%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s', '#Group', '#Count', '#Version', '#Type', '#Model', '#TPS', '#Diff Total'));
  for (const group of result.groups) {
    if (group.error !== undefined) {
      continue;
    }
    const { consumerGroup, count, version, consumeType, messageModel, consumeTps, diffTotal } = group;
    const name = cut(consumerGroup, 64);
    out.line(
      format(
        '%-64s  %-6d  %-24s %-5s  %-14s  %-7d  %d',
        name,
        count,
        version,
        consumeType,
        messageModel,
        Math.trunc(consumeTps),
        diffTotal,
      ),
    );
  }
}

function printQueues(result: GroupProgressResult, out: Output, withClient: boolean): void {
  const titles = ['#Topic', '#Broker Name', '#QID', '#Broker Offset', '#Consumer Offset'];
  const client = withClient ? '%-20s ' : '';
  out.line(
    format(
      `%-64s  %-32s  %-4s  %-20s  %-20s  ${client}%-20s %-20s%s`,
      ...titles,
      ...(withClient ? ['#Client IP'] : []),
      '#Diff',
      '#Inflight',
      '#LastTime',
    ),
  );
  for (const queue of result.queues) {
    out.line(format(`%-64s  %-32s  %-4d  %-20d  %-20d  ${client}%-20d %-20d %s`, ...cellsOf(queue, withClient)));
  }
  out.line();
  out.line(format('Consume TPS: %.2f', result.consumeTps));
  out.line(`Consume Diff Total: ${result.diffTotal}`);
  out.line(`Consume Inflight Total: ${result.inflightTotal}`);
}

function cellsOf(queue: QueueProgress, withClient: boolean): (string | number)[] {
  return [
    cut(queue.topic, 64),
    cut(queue.brokerName, 32),
    queue.queueId,
    queue.brokerOffset,
    queue.consumerOffset,
    ...(withClient ? [queue.clientIP ?? 'N/A'] : []),
    queue.diff,
    queue.inflight,
    queue.lastTimestamp > 0 ? dateTime(queue.lastTimestamp) : 'N/A',
  ];
}
