import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DirectConsumeResult } from '../../../client/admin/direct-consume.js';
import type { TrackedMessage } from '../../../client/admin/message-track.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';
import { directConsumeText, printMessage } from '../message-output.js';

const options = defineOptions({
  msgId: { short: 'i', required: true, text: 'Message Id' },
  consumerGroup: { short: 'g', text: 'consumer group name' },
  clientId: { short: 'd', text: "The consumer's client id" },
  topic: { short: 't', required: true, text: 'The topic of msg' },
  showAll: { short: 'a', kind: 'flag', text: 'Print all message, the limit is 32' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  ...CHANGE_OPTIONS,
});

interface Result {
  /** What a dry run would do. */
  readonly planned?: string;
  readonly messages?: readonly TrackedMessage[];
  readonly consumed?: DirectConsumeResult;
}

/** Shows a message by the client's id. */
export default class QueryMsgByUniqueKey extends AdminCommand<typeof options, Result> {
  static override summary = 'Query Message by Unique key.';
  static override description = 'Shows the oldest copy, or with -a all of them. With -g and -d that client consumes the message now.';
  static override examples = ['mqadmin queryMsgByUniqueKey -n 127.0.0.1:9876 -t OrderPaid -i 7F0000010001000000000000000000A1'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Result> {
    const { topic, msgId: key, consumerGroup, clientId } = values;
    if ((consumerGroup === undefined) !== (clientId === undefined)) {
      throw new UsageError('-g and -d belong together: the client of -d consumes the message as a member of the group -g');
    }
    const { queryByKey } = await import('../../../client/admin/query-message.js');
    const found = await queryByKey(admin, { topic, key, uniqueKey: true, maxNum: 32, routeTopic: values.cluster });
    if (values.dryRun) {
      return {
        planned:
          clientId === undefined
            ? `would show message ${key}`
            : `would have client ${clientId} of group ${consumerGroup} consume message ${key}`,
      };
    }
    if (consumerGroup !== undefined && clientId !== undefined) {
      const { consumeDirectly } = await import('../../../client/admin/direct-consume.js');
      return { consumed: await consumeDirectly(admin, found[0]!, { consumerGroup, clientId }) };
    }
    const { withTracks } = await import('../../../client/admin/message-track.js');
    const shown = values.showAll ? found : found.slice(0, 1);
    return { messages: await Promise.all(shown.map((message) => withTracks(admin, message))) };
  }

  protected override render(result: Result, out: Output): void {
    if (result.planned !== undefined) {
      out.line(`dry run: ${result.planned}`);
    }
    const messages = result.messages ?? [];
    for (const [i, message] of messages.entries()) {
      printMessage(out, message, { offsetId: false, suffix: messages.length > 1 ? `_${i}` : '' });
    }
    if (result.consumed !== undefined) {
      out.line(directConsumeText(result.consumed));
    }
  }
}
