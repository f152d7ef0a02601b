import { dateTime, format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { MessageTrace } from '../../../client/admin/message-trace.js';
import { AdminCommand } from '../admin-command.js';

const options = defineOptions({
  msgId: { short: 'i', required: true, text: 'Message Id' },
  traceTopic: { short: 't', default: 'RMQ_SYS_TRACE_TOPIC', text: 'The name value of message trace topic' },
  beginTimestamp: { short: 'b', kind: 'long', text: 'Begin timestamp(ms). default:0, eg:1676730526212' },
  endTimestamp: { short: 'e', kind: 'long', text: 'End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212' },
  maxNum: {
    short: 'c',
    kind: 'int',
    default: 64,
    min: 1,
    text: 'The maximum number of messages returned by the query, default:64',
  },
});

const ROW = '%-10s %-20s %-20s %-20s %-10s %-10s';

interface Result {
  readonly traces: readonly MessageTrace[];
}

/** Shows who sent a message and who consumed it, from the trace topic. */
export default class QueryMsgTraceById extends AdminCommand<typeof options, Result> {
  static override summary = 'Query a message trace.';
  static override description =
    'Clients write a trace when it is enabled in them (enableMsgTrace), up to 5 s later. The table has sends and finished listener calls; ' +
    'JSON has calls that began, ends of transactions and recalls as well. -b and -e are store times of the trace, -c limits its messages.';
  static override examples = ['mqadmin queryMsgTraceById -n 127.0.0.1:9876 -i 7F0000010001000000000000000000A1'];
  static override options = options;

  protected override async ask(admin: AdminClient, values: OptionValues<typeof options>): Promise<Result> {
    const { messageTrace } = await import('../../../client/admin/message-trace.js');
    const { msgId, traceTopic, maxNum, beginTimestamp: begin, endTimestamp: end } = values;
    return { traces: await messageTrace(admin, { msgId, traceTopic, maxNum, begin, end }) };
  }

  protected override render(result: Result, out: Output): void {
    const calls = new Map<string, MessageTrace[]>();
    for (const trace of result.traces) {
      if (trace.traceType === 'Pub') {
        out.line(format(ROW, '#Type', '#ProducerGroup', '#ClientHost', '#SendTime', '#CostTimes', '#Status'));
        out.line(row('Pub', trace));
        out.line();
      } else if (trace.traceType === 'SubAfter') {
        const group = String(trace.groupName);
        calls.set(group, [...(calls.get(group) ?? []), trace]);
      }
    }
    for (const traces of calls.values()) {
      out.line(format(ROW, '#Type', '#ConsumerGroup', '#ClientHost', '#ConsumerTime', '#CostTimes', '#Status'));
      for (const trace of traces) {
        out.line(row('Sub', trace));
      }
      out.line();
    }
  }
}

function row(type: string, trace: MessageTrace): string {
  const cost = 'costTime' in trace ? `${trace.costTime}ms` : '';
  const status = 'success' in trace && trace.success ? 'success' : 'failed';
  // Consumers of clouds write neither group nor time.
  const time = trace.timestamp === null ? 'unknown' : dateTime(trace.timestamp);
  return format(ROW, type, String(trace.groupName), trace.clientHost, time, cost, status);
}
