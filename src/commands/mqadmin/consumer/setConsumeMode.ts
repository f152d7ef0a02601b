import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ConsumeModeResult } from '../../../client/admin/consume-mode.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'create subscription group to which broker' },
  clusterName: { short: 'c', text: 'create subscription group to which cluster' },
  topicName: { short: 't', required: true, text: 'topic name' },
  groupName: { short: 'g', required: true, text: 'consumer group name' },
  mode: { short: 'm', required: true, text: 'consume mode. PULL/POP' },
  popShareQueueNum: { short: 'q', kind: 'int', default: 0, text: 'num of queue which share in pop mode' },
  ...CHANGE_OPTIONS,
});

/** Chooses how the members of a consumer group get the messages of a topic. */
export default class SetConsumeMode extends AdminCommand<typeof options, ConsumeModeResult> {
  static override summary = 'Set consume message mode. pull/pop etc.';
  static override description = [
    'Counts for clients that let the broker assign queues (clientRebalance off). With POP, -q says how many members share a queue beside its owner;',
    '0 shares all queues among all members.',
  ].join('\n');
  static override examples = [
    'mqadmin setConsumeMode -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid -g OrderPaidGroup -m POP -q 8 --dry-run',
    'mqadmin setConsumeMode -b 127.0.0.1:10911 -t OrderPaid -g OrderPaidGroup -m PULL',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<ConsumeModeResult> {
    const { topicName, groupName, mode, popShareQueueNum, dryRun } = values;
    if (mode !== 'PULL' && mode !== 'POP') {
      throw new UsageError(`-m, --mode: ${mode} is neither PULL nor POP`);
    }
    const { setConsumeMode } = await import('../../../client/admin/consume-mode.js');
    return setConsumeMode(admin, { ...requireTarget(values), topicName, groupName, mode, popShareQueueNum, dryRun });
  }

  protected override render(result: ConsumeModeResult, out: Output): void {
    printOutcomes(out, result.brokers, {
      done: (addr) => `set consume mode to ${addr} success.`,
      planned: (addr) => `would set consume mode to ${addr}`,
    });
    const { topicName, groupName, mode, popShareQueueNum } = result;
    out.line(`topic[${topicName}] group[${groupName}] consume mode[${mode}] popShareQueueNum[${popShareQueueNum}]`);
  }
}
