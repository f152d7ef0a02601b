import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DeleteTopicResult } from '../../../client/admin/delete-topic.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  clusterName: { short: 'c', required: true, text: 'delete topic from which cluster' },
  ...DELETE_OPTIONS,
});

/** Deletes a topic from the brokers of a cluster and from the name servers. */
export default class DeleteTopic extends AdminCommand<typeof options, DeleteTopicResult> {
  static override summary = 'Delete topic from broker and NameServer.';
  static override description = 'Asks first on a terminal. Deleting a topic that is already gone is a success, with a line on stderr.';
  static override examples = ['mqadmin deleteTopic -n 127.0.0.1:9876 -c DefaultCluster -t OrderPaid --yes'];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    context: CommandContext,
  ): Promise<DeleteTopicResult> {
    const { deleteTopic } = await import('../../../client/admin/delete-topic.js');
    const request = { topic: values.topic, clusterName: values.clusterName };
    if (values.dryRun) {
      return deleteTopic(admin, { ...request, dryRun: true });
    }
    const { confirmDeletion } = await import('../../../cli/confirm.js');
    await confirmDeletion(`delete topic ${values.topic} and its messages from cluster ${values.clusterName}`, {
      yes: values.yes,
      signal: context.signal,
      io: context.io,
    });
    return deleteTopic(admin, request);
  }

  protected override render(result: DeleteTopicResult, out: Output): void {
    if (!result.existed) {
      out.note(`topic ${result.topic} was not known to any name server`);
    }
    if (result.dryRun) {
      out.line(`dry run: would delete topic [${result.topic}] from ${result.brokers.map((node) => node.addr).join(', ')}`);
      out.line(`dry run: would delete topic [${result.topic}] from NameServer ${result.namesrvs.map((node) => node.addr).join(', ')}`);
      return;
    }
    if (result.brokers.every((node) => node.outcome === 'done')) {
      out.line(`delete topic [${result.topic}] from cluster [${result.clusterName}] success.`);
    }
    if (result.namesrvs.length > 0 && result.namesrvs.every((node) => node.outcome === 'done')) {
      out.line(`delete topic [${result.topic}] from NameServer success.`);
    }
  }
}
