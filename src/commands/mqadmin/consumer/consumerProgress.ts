import { cut, dateTime, format } from '../../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AllProgressResult } from '../../../client/admin/all-progress.js';
import type { GroupProgressResult } from '../../../client/admin/consumer-progress.js';
import type { GroupLagResult, LagReading } from '../../../client/admin/group-lag.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { printQueues, printWide } from '../lag-text.js';
import { everyRound, ROUNDS_OPTION } from '../rounds.js';

const options = defineOptions({
  groupName: { short: 'g', text: 'consumer group name' },
  topicName: { short: 't', text: 'topic name' },
  showClientIP: { short: 's', kind: 'boolean', default: false, text: 'Show Client IP per Queue' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  rate: {
    kind: 'duration',
    own: true,
    text: 'With -g, read twice so far apart for the rates; 1s with --output wide, not at all otherwise',
  },
  watch: {
    kind: 'duration',
    own: true,
    text: 'Show it again and again, with such a pause, eg: 5s; with -g the rates are those since the last round',
  },
  ...ROUNDS_OPTION,
});

type Values = OptionValues<typeof options> & CommonValues;
type Result = AllProgressResult | GroupProgressResult | GroupLagResult;

const WIDE_RATE_MS = 1000;

/** Shows how far groups are. */
export default class ConsumerProgress extends AdminCommand<typeof options, Result> {
  static override summary = "Query consumer's progress, speed.";
  static override description = [
    'Without -g all groups that have a retry topic; with -g every queue of one group. What is not known is said with its reason, and is null in JSON.',
    'With -g, --output wide also shows client, lag time, rates and time to drain of every queue. With --watch the rates are those since the last round.',
  ].join('\n');
  static override examples = [
    'mqadmin consumerProgress -n 127.0.0.1:9876',
    'mqadmin consumerProgress -n 127.0.0.1:9876 -g OrderPaidGroup -t OrderPaid --json',
    'mqadmin consumerProgress -n 127.0.0.1:9876 -g OrderPaidGroup --output wide --rate 100ms',
    'mqadmin consumerProgress -n 127.0.0.1:9876 -g OrderPaidGroup --watch 100ms --rounds 2',
  ];
  static override options = options;
  static override rendersWide = true;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    if (values.rounds !== undefined && values.watch === undefined) {
      throw new UsageError('--rounds counts the rounds of --watch, which is not given');
    }
    const reading = values.groupName === undefined ? await this.#allGroups(admin) : await this.#oneGroup(admin, values, context);
    if (values.watch === undefined) {
      return (await reading(undefined)).result;
    }
    const show = ({ result }: { result: Result }): void => {
      if (context.json) {
        context.out.data(result);
        return;
      }
      this.render(result, context.out, values);
      context.out.line();
    };
    const last = await everyRound({ rounds: values.rounds, intervalMs: values.watch, context }, reading, show);
    return last.result;
  }

  async #allGroups(admin: AdminClient): Promise<(former: unknown) => Promise<{ result: Result }>> {
    const { allProgress } = await import('../../../client/admin/all-progress.js');
    return async () => ({ result: await allProgress(admin) });
  }

  async #oneGroup(
    admin: AdminClient,
    values: Values,
    { signal, json }: CommandContext,
  ): Promise<(former: { result: Result } | undefined) => Promise<{ result: Result }>> {
    const isWide = values.output === 'wide';
    const request = {
      consumerGroup: values.groupName ?? '',
      topic: values.topicName,
      routeTopic: values.cluster,
      showClientIP: values.showClientIP || isWide,
      // The second round of a watch has the first to compare with.
      rateMs: values.rate ?? (isWide && values.watch === undefined ? WIDE_RATE_MS : undefined),
      signal,
    };
    if (!isWide && !json) {
      const { groupProgress } = await import('../../../client/admin/consumer-progress.js');
      return async () => ({ result: await groupProgress(admin, request) });
    }
    const { groupLag } = await import('../../../client/admin/group-lag.js');
    return (former) => groupLag(admin, { ...request, former: former as LagReading | undefined });
  }

  protected override render(result: Result, out: Output, values: Values): void {
    if (values.watch !== undefined) {
      out.line(`# ${dateTime(systemClock.nowMs())}`);
    }
    if ('groups' in result) {
      printGroups(result, out);
    } else if (values.output === 'wide' && 'lagMs' in result) {
      printWide(result, out);
    } else {
      printQueues(result, out, values.showClientIP);
    }
  }
}

function printGroups(result: AllProgressResult, out: Output): void {
  out.line(format('%-64s  %-6s  %-24s %-5s  %-14s  %-7s  %s', '#Group', '#Count', '#Version', '#Type', '#Model', '#TPS', '#Diff Total'));
  for (const { consumerGroup, count, version, consumeType, messageModel, consumeTps, diffTotal, missing = [] } of result.groups) {
    const cells = [cut(consumerGroup, 64), count, version, consumeType, messageModel];
    const figures = consumeTps === null || diffTotal === null ? ['unknown', 'unknown'] : [Math.trunc(consumeTps), diffTotal];
    const mark = missing.length === 0 || diffTotal === null ? '' : `  (without ${missing.join(', ')})`;
    out.line(format('%-64s  %-6d  %-24s %-5s  %-14s  %-7s  %s', ...cells, ...figures) + mark);
  }
}
