import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DeleteSubGroupResult } from '../../../client/admin/sub-group.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { printOutcomes, requireTarget } from '../targets.js';

const options = defineOptions({
  brokerAddr: { short: 'b', text: 'delete subscription group from which broker' },
  clusterName: { short: 'c', text: 'delete subscription group from which cluster' },
  groupName: { short: 'g', required: true, text: 'subscription group name' },
  removeOffset: { short: 'r', kind: 'boolean', default: false, text: 'remove offset' },
  ...DELETE_OPTIONS,
});

/** Deletes a consumer group. */
export default class DeleteSubGroup extends AdminCommand<typeof options, DeleteSubGroupResult> {
  static override summary = 'Delete subscription group from broker.';
  static override description = [
    'With -c from every master of the cluster, together with the retry and dead-letter topics of the group. Asks first on a terminal.',
    'Deleting a group that is already gone is a success, with a line on stderr.',
  ].join('\n');
  static override examples = ['mqadmin deleteSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g OrderPaidGroup -r true --yes'];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    context: CommandContext,
  ): Promise<DeleteSubGroupResult> {
    const target = requireTarget(values);
    const { deleteSubGroup } = await import('../../../client/admin/sub-group.js');
    const request = { ...target, groupName: values.groupName, removeOffset: values.removeOffset };
    if (!values.dryRun) {
      const { confirmDeletion } = await import('../../../cli/confirm.js');
      const where = target.brokerAddr === undefined ? `cluster ${target.clusterName}` : `broker ${target.brokerAddr}`;
      await confirmDeletion(`delete subscription group ${values.groupName} from ${where}`, {
        yes: values.yes,
        signal: context.signal,
        io: context.io,
      });
    }
    return deleteSubGroup(admin, { ...request, dryRun: values.dryRun });
  }

  protected override render(result: DeleteSubGroupResult, out: Output): void {
    if (!result.existed) {
      out.note(`group ${result.groupName} was not known to any of these brokers`);
    }
    const inCluster = result.clusterName === undefined ? '' : ` in cluster [${result.clusterName}]`;
    printOutcomes(out, result.brokers, {
      done: (addr) => `delete subscription group [${result.groupName}] from broker [${addr}]${inCluster} success.`,
      planned: (addr) => `would delete subscription group [${result.groupName}] from broker [${addr}]${inCluster}`,
    });
    if (result.dryRun) {
      for (const topic of result.topics) {
        out.line(`dry run: would delete topic [${topic}]`);
      }
    }
  }
}
