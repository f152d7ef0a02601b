import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { readTime } from '../../../cli/read-time.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ConsumeEvent } from '../../../client/admin/consume-message.js';
import { queueText } from '../../../client/message-queue.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { messageLine, noteUnreadable } from '../message-text.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  brokerName: { short: 'b', text: 'Broker name' },
  queueId: { short: 'i', kind: 'int', min: 0, text: 'Queue Id' },
  offset: { short: 'o', kind: 'int', min: 0, text: 'Queue offset' },
  consumerGroup: { short: 'g', text: 'Consumer group name' },
  beginTimestamp: { short: 's', long: 'beginTimestamp ', text: 'Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
  endTimestamp: { short: 'e', long: 'endTimestamp ', text: 'End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
  MessageNumber: { short: 'c', kind: 'int', default: 128, text: 'Number of message to be consumed' },
});

type Values = OptionValues<typeof options>;

interface Result {
  readonly messageCount: number;
  readonly events: readonly ConsumeEvent[];
}

/** Prints messages without committing. */
export default class ConsumeMessage extends AdminCommand<typeof options, Result> {
  static override summary = 'Consume message.';
  static override description = [
    'Reads from the first message on, at most -c messages in all, without committing an offset. -b is the name of a broker; -i needs -b,',
    '-o needs -i. The bounds -s and -e are store times and inclusive.',
  ].join('\n');
  static override examples = [
    'mqadmin consumeMessage -n 127.0.0.1:9876 -t OrderPaid -c 10',
    'mqadmin consumeMessage -n 127.0.0.1:9876 -t OrderPaid -b broker-a -i 0 -o 0 -c 1',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    checkValues(values);
    const { consumeMessage } = await import('../../../client/admin/consume-message.js');
    const { topic, brokerName, queueId, offset, consumerGroup } = values;
    const bounds = readBounds(values);
    const events: ConsumeEvent[] = [];
    let messageCount = 0;
    for await (const event of consumeMessage(admin, {
      topic,
      brokerName,
      queueId,
      offset,
      consumerGroup,
      ...bounds,
      messageNumber: values.MessageNumber,
      onUnreadable: noteUnreadable(context.out),
    })) {
      messageCount += event.kind === 'messages' ? event.messages.length : 0;
      if (context.json) {
        events.push(event);
      } else {
        // Printed as they come: there may be many.
        print(event, values, context.out);
      }
    }
    return { messageCount, events };
  }

  protected override render(): void {
    // The messages were printed when they came.
  }
}

function checkValues(values: Values): void {
  if (values.queueId !== undefined && values.brokerName === undefined) {
    throw new UsageError('Please set the brokerName before queueId!');
  }
  if (values.offset !== undefined && values.queueId === undefined) {
    throw new UsageError('Please set queueId before offset!');
  }
  if (values.MessageNumber <= 0) {
    throw new UsageError('Please input a positive messageNumber!');
  }
}

function readBounds(values: Values): { beginTimestamp: number | undefined; endTimestamp: number | undefined } {
  const nowMs = systemClock.nowMs();
  const bound = (text: string | undefined, key: 'begin' | 'end', label: string): number | undefined => {
    if (text === undefined) {
      return undefined;
    }
    const ms = readTime(text, label);
    if (ms > nowMs) {
      throw new UsageError(`${label}: the ${key} time ${text} is in the future`);
    }
    return ms;
  };
  const beginTimestamp = bound(values.beginTimestamp, 'begin', '-s, --beginTimestamp');
  const endTimestamp = bound(values.endTimestamp, 'end', '-e, --endTimestamp');
  if (beginTimestamp !== undefined && endTimestamp !== undefined && beginTimestamp > endTimestamp) {
    throw new UsageError('the begin time -s is after the end time -e');
  }
  return { beginTimestamp, endTimestamp };
}

function print(event: ConsumeEvent, values: Values, out: Output): void {
  switch (event.kind) {
    case 'limited':
      out.line(
        values.queueId === undefined
          ? `The older ${event.messageNumber} message of the ${event.queueId} queue will be provided`
          : `The oldler ${event.messageNumber} message will be provided`,
      );
      return;
    case 'messages':
      out.line('Consume ok');
      for (const message of event.messages) {
        out.line(messageLine(message, message.body.toString('utf8')));
      }
      return;
    case 'noMatch':
      out.line(`${queueText(event.queue)} no matched msg, offset=${event.offset}`);
      return;
    case 'end':
      out.line(`${queueText(event.queue)} print msg finished. status=${event.status}, offset=${event.offset}`);
  }
}
