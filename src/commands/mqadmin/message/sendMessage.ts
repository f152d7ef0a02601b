import { cut, format } from '../../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { type MessageQueue, queueText } from '../../../client/message-queue.js';
import type { SendResult } from '../../../client/types.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  body: { short: 'p', required: true, text: 'UTF-8 string format of the message body' },
  key: { short: 'k', text: 'Message keys' },
  tags: { short: 'c', text: 'Message tags' },
  broker: { short: 'b', text: 'Send message to target broker' },
  qid: { short: 'i', kind: 'int', min: 0, text: 'Send message to target queue' },
  msgTraceEnable: { short: 'm', kind: 'boolean', default: false, text: 'Message Trace Enable, Default: false' },
  ...CHANGE_OPTIONS,
});

interface Plan {
  readonly dryRun: true;
  readonly topic: string;
  readonly bodyBytes: number;
  /** Where the message may go. */
  readonly queues: readonly MessageQueue[];
}

/** Sends one message. */
export default class SendMessage extends AdminCommand<typeof options, SendResult | Plan> {
  static override summary = 'Send a message.';
  static override description =
    'With -b and -i it goes to that queue of that broker (its name, not its address), else to any writeable queue.';
  static override examples = [
    'mqadmin sendMessage -n 127.0.0.1:9876 -t OrderPaid -p "hello"',
    'mqadmin sendMessage -n 127.0.0.1:9876 -t OrderPaid -p "hello" -k order-1 -c TagA',
  ];
  static override options = options;

  protected override async ask(
    admin: AdminClient,
    values: OptionValues<typeof options>,
    context: CommandContext,
  ): Promise<SendResult | Plan> {
    const { topic, broker, qid } = values;
    if (qid !== undefined && broker === undefined) {
      throw new UsageError('Broker name must be set if the queue is chosen!', { hint: 'add -b with the name of the broker' });
    }
    if (qid === undefined && broker !== undefined) {
      context.out.note('note: -b counts only together with -i; the message goes to any queue of the topic');
    }
    const [{ sendMessage, sendTargets }, { sendTraced }] = await Promise.all([
      import('../../../client/admin/send-message.js'),
      import('../../../client/admin/send-traced.js'),
    ]);
    const body = Buffer.from(values.body, 'utf8');
    const { tags, key: keys } = values;
    const request = {
      message: { topic, body, ...(tags === undefined ? {} : { tags }), ...(keys === undefined ? {} : { keys }) },
      brokerName: qid === undefined ? undefined : broker,
      queueId: qid,
    };
    if (values.dryRun) {
      return { dryRun: true, topic, bodyBytes: body.length, queues: (await sendTargets(admin, request)).queues };
    }
    return (values.msgTraceEnable ? sendTraced : sendMessage)(admin, request);
  }

  protected override render(result: SendResult | Plan, out: Output): void {
    if ('dryRun' in result) {
      const { topic, bodyBytes, queues } = result;
      const where = queues.length === 1 ? queueText(queues[0]!) : `one of the ${queues.length} queues of topic ${topic}`;
      out.line(`dry run: would send a message of ${bodyBytes} bytes to ${where}`);
      return;
    }
    out.line(format('%-32s  %-4s  %-20s    %s', '#Broker Name', '#QID', '#Send Result', '#MsgId'));
    const { brokerName, queueId } = result.messageQueue;
    out.line(format('%-32s  %-4s  %-20s    %s', cut(brokerName, 32), queueId, result.sendStatus, result.msgId));
  }
}
