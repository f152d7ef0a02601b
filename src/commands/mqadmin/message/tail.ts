import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import { toJson } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { type MessageLine, messageLine } from '../../../client/admin/message-lines.js';
import type { MessageView } from '../../../client/admin/message-view.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { FORMAT_HELP, messageFormat, plainLine } from '../message-format.js';
import { noticeText, READ_OPTIONS, readRequest } from '../read-options.js';
import { TextStream } from '../text-stream.js';

const options = defineOptions({
  ...READ_OPTIONS,
  last: { short: 'l', kind: 'int', min: 1, max: 100_000, text: 'Only the newest so many of what is asked for' },
  follow: { short: 'f', kind: 'flag', text: 'Wait for new messages at the end; without a begin and --last only new ones are shown' },
  format: { short: 'F', text: "How a message is printed, eg: '%t %o %k %s\\n'; nothing is added to it" },
});

type Values = OptionValues<typeof options> & CommonValues;

/** Shows the messages of a topic; the result is the last one, when all have been printed. */
export default class Tail extends AdminCommand<typeof options, MessageLine | null> {
  static override summary = 'Show messages of a topic by time, offset, last N, tag, SQL or key.';
  static override description = [
    'Reads all queues in the order of store times, without a consumer group, and moves no offset. It ends at the end of the topic unless',
    '--follow is given. What is asked for by several options has to fulfil all of them. --output json prints one JSON object a line, which',
    'mqadmin produce --input json reads: bodies as text, or in base64 (bodyBase64) where they are not UTF-8. When a queue cannot be read,',
    'the others are shown all the same, and the exit code is 6. --sql needs enablePropertyFilter=true on the brokers.',
    '',
    FORMAT_HELP,
  ].join('\n');
  static override examples = [
    'mqadmin tail -n 127.0.0.1:9876 -t OrderPaid',
    'mqadmin tail -n 127.0.0.1:9876 -t OrderPaid --since 10m --key order-1 --max 100',
    'mqadmin tail -n 127.0.0.1:9876 -t OrderPaid --last 5 --format "%D %b:%q:%o %k %s\\n"',
    'mqadmin tail -n 127.0.0.1:9876 -t OrderPaid --queue broker-a:0 --offset 0 --end-offset 100 --output json',
    'mqadmin tail -n 127.0.0.1:9876 -t OrderPaid --last 1 --follow --max 1',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<MessageLine | null> {
    const { follow, max } = values;
    const request = readRequest(values);
    const show = shower(values, context);
    if (follow && (request.end !== undefined || request.endOffset !== undefined)) {
      throw new UsageError('--follow waits for what comes after the end: it cannot be given with --end or --end-offset');
    }
    const { readMessages } = await import('../../../client/admin/read-messages.js');
    const hasBegin = values.last !== undefined || request.begin !== undefined || request.beginOffset !== undefined;
    const messages = readMessages(admin, {
      ...request,
      last: values.last,
      follow,
      max,
      fromEnd: follow && !hasBegin,
      signal: context.signal,
      onNotice: (notice) => context.out.note(noticeText(notice)),
    });
    let last: MessageView | null = null;
    try {
      for await (const message of messages) {
        await show.message(message);
        last = message;
      }
    } finally {
      show.end();
    }
    return last === null ? null : messageLine(last);
  }

  protected override render(): void {
    // The messages were printed when they came.
  }
}

interface Shower {
  message(message: MessageView): Promise<unknown> | undefined;
  end(): void;
}

function shower(values: Values, context: CommandContext): Shower {
  const { out, io } = context;
  const { format, output } = values;
  if (format !== undefined && context.json) {
    throw new UsageError('--format and --output exclude one another');
  }
  const isJson = values.json === true || output === 'json';
  if (context.json && !isJson) {
    // Properties differ from message to message; columns must not.
    return {
      message: (message) => void out.data({ ...message, properties: toJson(message.properties, 0) }),
      end: () => out.printDataBy(() => undefined),
    };
  }
  const stream = new TextStream(io.stdout);
  const text = isJson ? jsonLine : format === undefined ? plainText(context) : messageFormat(format);
  return {
    message: (message) => stream.print(text(message)),
    end: () => {
      stream.flush();
      out.printDataBy(() => undefined);
    },
  };
}

function jsonLine(message: MessageView): string {
  return `${JSON.stringify(messageLine(message))}\n`;
}

function plainText({ io }: CommandContext): (message: MessageView) => string {
  const colour = io.terminal.colour && (io.stdout as { isTTY?: boolean }).isTTY === true;
  return (message) => plainLine(message, colour);
}
