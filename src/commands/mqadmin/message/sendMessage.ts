import { cut, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { SendResult } from '../../../client/types.js';
import { UsageError } from '../../../common/errors.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  body: { short: 'p', required: true, text: 'UTF-8 string format of the message body' },
  key: { short: 'k', text: 'Message keys' },
  tags: { short: 'c', text: 'Message tags' },
  broker: { short: 'b', text: 'Send message to target broker' },
  qid: { short: 'i', kind: 'int', min: 0, text: 'Send message to target queue' },
  msgTraceEnable: { short: 'm', kind: 'boolean', default: false, text: 'Message Trace Enable, Default: false' },
});

/** Sends one message. */
export default class SendMessage extends AdminCommand<typeof options, SendResult> {
  static override summary = 'Send a message.';
  static override description =
    'With -b and -i it goes to that queue of that broker (its name, not its address), else to any writeable queue.';
  static override examples = [
    'mqadmin sendMessage -n 127.0.0.1:9876 -t OrderPaid -p "hello"',
    'mqadmin sendMessage -n 127.0.0.1:9876 -t OrderPaid -p "hello" -k order-1 -c TagA',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<SendResult> {
    if (values.qid !== undefined && values.broker === undefined) {
      throw new UsageError('Broker name must be set if the queue is chosen!', { hint: 'add -b with the name of the broker' });
    }
    const [{ sendMessage }, { sendTraced }] = await Promise.all([
      import('../../../client/admin/send-message.js'),
      import('../../../client/admin/send-traced.js'),
    ]);
    return (values.msgTraceEnable ? sendTraced : sendMessage)(admin, {
      message: {
        topic: values.topic,
        body: Buffer.from(values.body, 'utf8'),
        ...(values.tags === undefined ? {} : { tags: values.tags }),
        ...(values.key === undefined ? {} : { keys: values.key }),
      },
      brokerName: values.qid === undefined ? undefined : values.broker,
      queueId: values.qid,
    });
  }

  protected override render(result: SendResult, out: Output): void {
    out.line(format('%-32s  %-4s  %-20s    %s', '#Broker Name', '#QID', '#Send Result', '#MsgId'));
    const { brokerName, queueId } = result.messageQueue;
    out.line(format('%-32s  %-4s  %-20s    %s', cut(brokerName, 32), queueId, result.sendStatus, result.msgId));
  }
}
