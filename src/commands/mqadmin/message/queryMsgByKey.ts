import { dateTimeMs, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  msgKey: { short: 'k', required: true, text: 'Message Key' },
  beginTimestamp: { short: 'b', kind: 'long', text: 'Begin timestamp(ms). default:0, eg:1676730526212' },
  endTimestamp: { short: 'e', kind: 'long', text: 'End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212' },
  maxNum: {
    short: 'm',
    kind: 'int',
    default: 64,
    min: 1,
    text: 'The maximum number of messages returned by the query, default:64',
  },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
});

interface Result {
  readonly messages: readonly MessageView[];
}

/** Lists the messages that carry a key. */
export default class QueryMsgByKey extends AdminCommand<typeof options, Result> {
  static override summary = 'Query Message by Key.';
  static override description =
    'The id shown is the client id. -b and -e are store times; -m limits the messages of each broker, of which the newest are shown.';
  static override examples = ['mqadmin queryMsgByKey -n 127.0.0.1:9876 -t OrderPaid -k order-1'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>, context: CommandContext): Promise<Result> {
    const { queryByKey } = await import('../../../client/admin/query-message.js');
    const messages = await queryByKey(admin, {
      topic: values.topic,
      key: values.msgKey,
      maxNum: values.maxNum,
      routeTopic: values.cluster,
      onSkipped: (addr, storeTimestamp) => {
        const time = dateTimeMs(storeTimestamp);
        context.out.note(`note: ${addr} stored more messages with this key around ${time} than one answer holds; some of them are missing`);
      },
      ...(values.beginTimestamp === undefined ? {} : { begin: values.beginTimestamp }),
      ...(values.endTimestamp === undefined ? {} : { end: values.endTimestamp }),
    });
    return { messages };
  }

  protected override render(result: Result, out: Output): void {
    out.line(format('%-50s %4s %40s', '#Message ID', '#QID', '#Offset'));
    for (const message of result.messages) {
      out.line(format('%-50s %4d %40d', message.msgId, message.queueId, message.queueOffset));
    }
  }
}
