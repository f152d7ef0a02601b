import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import type { PrintEvent } from '../../../client/admin/print-messages.js';
import { type MessageQueue, queueText } from '../../../client/message-queue.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { decodeBody } from '../message-files.js';
import { requireCharset } from '../message-output.js';
import { messageLine, noteUnreadable } from '../message-text.js';
import { PRINT_OPTIONS, printBounds } from '../print-options.js';

const options = defineOptions({
  ...PRINT_OPTIONS,
  printBody: { short: 'd', long: 'printBody ', kind: 'boolean', default: true, text: 'print body' },
  lmqParentTopic: { short: 'l', text: 'Lmq parent topic, lmq is used to find the route.' },
});

type Values = OptionValues<typeof options>;

interface PrintedQueue {
  readonly queue: MessageQueue;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly messages: MessageView[];
}

interface Result {
  readonly messageCount: number;
  /** Only in JSON: text is printed as it comes. */
  readonly queues: readonly PrintedQueue[];
}

/** Prints the messages of a topic. */
export default class PrintMsg extends AdminCommand<typeof options, Result> {
  static override summary = 'Print Message Detail.';
  static override description = [
    'Prints all messages, queue by queue, without committing an offset. -b and -e are store times; messages of the moment -e are left out.',
    'The text of a message holds its body as numbers also with -d false; --json holds it as base64.',
  ].join('\n');
  static override examples = [
    'mqadmin printMsg -n 127.0.0.1:9876 -t OrderPaid',
    'mqadmin printMsg -n 127.0.0.1:9876 -t OrderPaid -s "TagA || TagB" -b 2026-01-01#00:00:00:000 --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    requireCharset(values.charsetName, '-c, --charsetName');
    const bounds = printBounds(values);
    const { printMessages } = await import('../../../client/admin/print-messages.js');
    const { topic, subExpression, lmqParentTopic: routeTopic } = values;
    const queues: PrintedQueue[] = [];
    let messageCount = 0;
    for await (const event of printMessages(admin, {
      topic,
      subExpression,
      routeTopic,
      ...bounds,
      onUnreadable: noteUnreadable(context.out),
    })) {
      messageCount += event.kind === 'messages' ? event.messages.length : 0;
      if (context.json) {
        collect(event, queues);
      } else {
        print(event, values, context.out);
      }
    }
    return { messageCount, queues };
  }

  protected override render(): void {
    // The messages were printed when they came.
  }
}

function collect(event: PrintEvent, queues: PrintedQueue[]): void {
  if (event.kind === 'queue') {
    const { queue, minOffset, maxOffset } = event;
    queues.push({ queue, minOffset, maxOffset, messages: [] });
  } else if (event.kind === 'messages') {
    queues.at(-1)?.messages.push(...event.messages);
  }
}

function print(event: PrintEvent, values: Values, out: Output): void {
  switch (event.kind) {
    case 'queue':
      out.line(`minOffset=${event.minOffset}, maxOffset=${event.maxOffset}, ${queueText(event.queue)}`);
      return;
    case 'messages':
      for (const message of event.messages) {
        out.line(messageLine(message, values.printBody ? (decodeBody(message.body, values.charsetName) ?? '') : 'NOT PRINT BODY'));
      }
      return;
    case 'noMatch':
      out.line(`${queueText(event.queue)} no matched msg. status=${event.status}, offset=${event.offset}`);
      return;
    case 'end':
      out.line(`${queueText(event.queue)} print msg finished. status=${event.status}, offset=${event.offset}`);
      return;
    case 'queueDone':
      out.line('-'.repeat(56));
  }
}
