import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import { compareText } from '../../../client/message-queue.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { decodeBody } from '../message-files.js';
import { requireCharset } from '../message-output.js';
import { messageLine, noteUnreadable } from '../message-text.js';
import { PRINT_OPTIONS, printBounds } from '../print-options.js';

const options = defineOptions({
  ...PRINT_OPTIONS,
  brokerName: { short: 'a', long: 'brokerName ', required: true, text: 'broker name' },
  queueId: { short: 'i', long: 'queueId ', kind: 'int', min: 0, required: true, text: 'queue id' },
  printMsg: { short: 'p', long: 'print msg', kind: 'boolean', default: false, text: 'print msg. eg: true | false(default)' },
  printBody: { short: 'd', long: 'printBody ', kind: 'boolean', default: false, text: 'print body. eg: true | false(default)' },
  calculate: { short: 'f', kind: 'boolean', default: false, text: 'calculate by tag. eg: true | false(default)' },
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly messageCount: number;
  /** Most frequent first; only with -f true. */
  readonly tags?: readonly { readonly tag: string; readonly count: number }[];
  /** Only in JSON, with -p true: text is printed as it comes. */
  readonly messages?: readonly MessageView[];
}

/** Prints or counts the messages of one queue. */
export default class PrintMsgByQueue extends AdminCommand<typeof options, Result> {
  static override summary = 'Print Message Detail by queueId.';
  static override description = [
    '-a is the name of the broker, not its address. Without -p true and -f true there is nothing to print, and nothing is read.',
    'With a tag expression all of the queue is read; the Java tool stops at the first stretch without a match.',
  ].join('\n');
  static override examples = [
    'mqadmin printMsgByQueue -n 127.0.0.1:9876 -t OrderPaid -a broker-a -i 0 -p true -d true',
    'mqadmin printMsgByQueue -n 127.0.0.1:9876 -t OrderPaid -a broker-a -i 0 -f true --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    requireCharset(values.charsetName, '-c, --charsetName');
    const { topic, brokerName, queueId, subExpression } = values;
    const request = {
      topic,
      brokerName,
      queueId,
      subExpression,
      ...printBounds(values),
      onUnreadable: noteUnreadable(context.out),
      rangesOnly: !values.printMsg && !values.calculate,
    };
    const { printMessages } = await import('../../../client/admin/print-messages.js');
    const counts = new Map<string, number>();
    const messages: MessageView[] = [];
    let range = { minOffset: 0, maxOffset: 0 };
    let messageCount = 0;
    for await (const event of printMessages(admin, request)) {
      if (event.kind === 'queue') {
        range = { minOffset: event.minOffset, maxOffset: event.maxOffset };
      } else if (event.kind === 'messages') {
        messageCount += event.messages.length;
        countTags(event.messages, counts);
        if (values.printMsg && context.json) {
          messages.push(...event.messages);
        } else if (values.printMsg) {
          print(event.messages, values, context.out);
        }
      }
    }
    if (request.rangesOnly) {
      const { minOffset, maxOffset } = range;
      context.out.note(
        `note: the queue holds offsets ${minOffset} to ${maxOffset}; -p true prints its messages, -f true counts them by tag`,
      );
    }
    return {
      ...range,
      messageCount,
      ...(values.calculate ? { tags: sortedCounts(counts) } : {}),
      ...(values.printMsg && context.json ? { messages } : {}),
    };
  }

  protected override render(result: Result, out: Output): void {
    for (const { tag, count } of result.tags ?? []) {
      out.line(format('Tag: %-30s Count: %s', tag, count));
    }
  }
}

function print(messages: readonly MessageView[], values: Values, out: Output): void {
  for (const message of messages) {
    out.line(messageLine(message, values.printBody ? (decodeBody(message.body, values.charsetName) ?? '') : 'NOT PRINT BODY'));
  }
}

function countTags(messages: readonly MessageView[], counts: Map<string, number>): void {
  for (const { tags } of messages) {
    if (tags !== null && tags.trim() !== '') {
      counts.set(tags, (counts.get(tags) ?? 0) + 1);
    }
  }
}

function sortedCounts(counts: ReadonlyMap<string, number>): { tag: string; count: number }[] {
  return [...counts].map(([tag, count]) => ({ tag, count })).sort((a, b) => b.count - a.count || compareText(a.tag, b.tag));
}
