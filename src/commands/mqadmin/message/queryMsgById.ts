import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { DirectConsumeResult } from '../../../client/admin/direct-consume.js';
import type { TrackedMessage } from '../../../client/admin/message-track.js';
import type { SendResult } from '../../../client/types.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';
import { directConsumeText, printMessage, requireCharset, sendResultText } from '../message-output.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  msgId: { short: 'i', required: true, text: 'Message Id' },
  consumerGroup: { short: 'g', text: 'consumer group name' },
  clientId: { short: 'd', text: "The consumer's client id" },
  sendMessage: { short: 's', kind: 'boolean', default: false, text: 'resend message' },
  unitName: { short: 'u', text: 'unit name' },
  bodyFormat: { short: 'f', text: 'print message body by the specified format' },
  cluster: { short: 'c', text: 'Cluster name or lmq parent topic, lmq is used to find the route.' },
  ...CHANGE_OPTIONS,
});

interface Result {
  /** What a dry run would do, one line for each message. */
  readonly planned?: readonly string[];
  readonly messages?: readonly TrackedMessage[];
  readonly consumed?: readonly DirectConsumeResult[];
  readonly resent?: readonly { readonly originalMsgId: string; readonly sendResult: SendResult }[];
}

/** Shows a message by its id. */
export default class QueryMsgById extends AdminCommand<typeof options, Result> {
  static override summary = 'Query Message by Id.';
  static override description = [
    'The id is the broker id (offsetMsgId) or the client id; several are separated by commas.',
    'With -g and -d that client consumes the message now; with -s true it is sent again, with the client id it has. -u has no effect here:',
    'it names the unit of the producer in the Java tool, which no broker sees.',
  ].join('\n');
  static override examples = ['mqadmin queryMsgById -n 127.0.0.1:9876 -t OrderPaid -i 7F00000100002A9F0000000000000000'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Result> {
    requireCharset(values.bodyFormat);
    const msgIds = values.msgId
      .split(',')
      .map((id) => id.trim())
      .filter((id) => id !== '');
    if (msgIds.length === 0) {
      throw new UsageError('-i, --msgId is empty');
    }
    const { queryById } = await import('../../../client/admin/query-message.js');
    const found = [];
    for (const msgId of msgIds) {
      found.push(await queryById(admin, { topic: values.topic, msgId, routeTopic: values.cluster }));
    }
    const { consumerGroup, clientId } = values;
    if ((consumerGroup === undefined) !== (clientId === undefined)) {
      throw new UsageError('-g and -d belong together: the client of -d consumes the message as a member of the group -g');
    }
    if (values.dryRun) {
      return { planned: msgIds.map((msgId) => planOf(msgId, values)) };
    }
    if (consumerGroup !== undefined && clientId !== undefined) {
      const { consumeDirectly } = await import('../../../client/admin/direct-consume.js');
      return { consumed: await Promise.all(found.map((message) => consumeDirectly(admin, message, { consumerGroup, clientId }))) };
    }
    if (values.sendMessage) {
      const { resend } = await import('../../../client/admin/direct-consume.js');
      const resent = [];
      for (const [i, message] of found.entries()) {
        resent.push({ originalMsgId: msgIds[i] ?? '', sendResult: await resend(admin, message, systemClock.nowMs()) });
      }
      return { resent };
    }
    const { withTracks } = await import('../../../client/admin/message-track.js');
    return { messages: await Promise.all(found.map((message) => withTracks(admin, message))) };
  }

  protected override render(result: Result, out: Output, values: OptionValues<typeof options>): void {
    for (const line of result.planned ?? []) {
      out.line(`dry run: ${line}`);
    }
    for (const message of result.messages ?? []) {
      printMessage(out, message, { offsetId: true, bodyFormat: values.bodyFormat });
    }
    for (const consumed of result.consumed ?? []) {
      out.line(directConsumeText(consumed));
    }
    for (const { originalMsgId, sendResult } of result.resent ?? []) {
      out.line(`prepare resend msg. originalMsgId=${originalMsgId}${sendResultText(sendResult)}`);
    }
  }
}

function planOf(msgId: string, values: OptionValues<typeof options>): string {
  if (values.clientId !== undefined) {
    return `would have client ${values.clientId} of group ${values.consumerGroup} consume message ${msgId}`;
  }
  return values.sendMessage ? `would send message ${msgId} again to topic ${values.topic}` : `would show message ${msgId}`;
}
