import { CHANGE_OPTIONS, type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { readMoment } from '../../../cli/read-moment.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ProduceResult } from '../../../client/admin/produce-messages.js';
import { systemClock } from '../../../common/clock.js';
import { UsageError } from '../../../common/errors.js';
import { type Message, splitKeys } from '../../../common/message/message.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { untilSignal } from '../interruption.js';
import { unescapeText } from '../message-format.js';
import { queueChoice } from '../read-options.js';

const options = defineOptions({
  topic: { short: 't', required: true, text: 'Topic name' },
  input: { default: 'lines', text: 'What a line is: lines (each is a body) or json (as mqadmin tail --output json prints it)' },
  file: { short: 'f', kind: 'texts', text: 'Send this file as one message; may be given several times' },
  from: { kind: 'texts', text: 'Read lines from this file instead of stdin; may be given several times' },
  delimiter: { short: 'D', default: '\\n', text: 'What ends a message, eg: \\0 or \\n--\\n' },
  'key-delimiter': { short: 'K', text: 'What is before this in a line is the key of the message, eg: :' },
  key: { short: 'k', text: 'Keys of every message' },
  tags: { short: 'c', text: 'Tag of every message' },
  property: { short: 'p', kind: 'texts', text: 'A property of every message, eg: a=1; may be given several times' },
  'delay-level': { kind: 'int', min: 1, group: 'delay', text: 'Delay level of every message, 1 to 18 unless the broker has others' },
  delay: {
    kind: 'duration',
    max: Number.MAX_SAFE_INTEGER,
    group: 'delay',
    text: 'Deliver every message so long after it was sent, eg: 90s (brokers of 5.x)',
  },
  'deliver-at': { group: 'delay', text: 'Deliver every message at this time, eg: 2026-11-21T08:30:00+08:00 (brokers of 5.x)' },
  queue: { short: 'i', text: 'Send to this queue: its id, or broker:id' },
  'sharding-key': { text: 'Send every message to the queue of this key' },
  ordered: { kind: 'flag', text: 'Messages with the same key go to one queue, in their order' },
  rate: { kind: 'decimal', min: 0.001, text: 'Messages a second, at most' },
  'in-flight': { kind: 'int', min: 1, max: 50_000, default: 4096, text: 'Messages that wait or are on their way, at most' },
  'skip-invalid': { kind: 'flag', text: 'Leave out lines that are no messages, and count them' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options> & CommonValues;
type Result = ProduceResult & { readonly dryRun?: true };

/** Sends lines or files as messages. */
export default class Produce extends AdminCommand<typeof options, Result> {
  static override summary = 'Send lines, JSON lines or files as messages.';
  static override description = [
    'Each line of stdin, of any bytes, is a message; empty ones are left out. --input json reads what mqadmin tail --output json prints: body,',
    'tags, keys, flag and properties come through; ids, times and places are given anew, and a delay that is over is none. A line of JSON needs',
    'body or bodyBase64 alone, and may have tags, keys, shardingKey, flag, properties, delayTimeLevel, delayTimeMs and deliverTimeMs.',
    'The order of lines is kept in each queue. It stops at the first line that is no message (exit code 2) or is not stored (6), and says how many',
    'were; Ctrl-C waits for what is on its way. The summary goes to stderr, with --output json to stdout. A time-out may have stored a message:',
    'it is then sent again with the same msgId.',
  ].join('\n');
  static override examples = [
    'mqadmin produce -n 127.0.0.1:9876 -t OrderPaid --from lines.txt --tags TagA --property source=shell',
    'mqadmin produce -n 127.0.0.1:9876 -t OrderPaid --from lines.txt --key-delimiter : --ordered --rate 1000 --json',
    'mqadmin produce -n 127.0.0.1:9876 -t OrderPaid --file lines.txt --delay-level 3',
  ];
  static override options = options;

  protected override readonly endsBySignal = false;
  #sent = 0;

  protected override soFar(): string {
    return `: ${this.#sent} messages were stored`;
  }

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const { topic, input, file, from, queue } = values;
    if (input !== 'lines' && input !== 'json') {
      throw new UsageError(`--input ${input}: expected lines or json`);
    }
    const keyDelimiter = values['key-delimiter'];
    const [{ produceMessages, checkMessages }, { messageSource }] = await Promise.all([
      import('../../../client/admin/produce-messages.js'),
      import('../produce-source.js'),
    ]);
    const common = commonParts(values);
    const choice = queue === undefined ? undefined : queueChoice(queue);
    const ended = new AbortController();
    return untilSignal(
      context,
      async (signal) => {
        const source = messageSource({
          topic,
          stdin: () => stdinOf(context),
          files: file,
          from,
          input,
          delimiter: bytesOf(values.delimiter, '-D, --delimiter'),
          keyDelimiter: keyDelimiter === undefined ? undefined : bytesOf(keyDelimiter, '-K, --key-delimiter'),
          common,
          ordered: values.ordered,
          signal: AbortSignal.any([signal, ended.signal]),
        });
        const request = {
          topic,
          queue: choice,
          inFlight: values['in-flight'],
          rate: values.rate,
          skipInvalid: values['skip-invalid'],
          signal,
          onProgress: (sent: number) => {
            this.#sent = sent;
          },
        };
        return (values.dryRun ? checkMessages(admin, source, request) : produceMessages(admin, source, request)).finally(() =>
          ended.abort(),
        );
      },
      ({ sent }) => `${sent} messages were stored, none is on its way`,
    );
  }

  protected override render(result: Result, out: Output): void {
    const { sent, failed, invalid, elapsedMs, dryRun } = result;
    const left = invalid === 0 ? '' : `, ${invalid} were no messages`;
    if (dryRun === true) {
      out.note(`dry run: would send ${sent} messages to ${result.topic}${left}`);
      return;
    }
    const rate = elapsedMs === 0 ? '' : ` (${Math.round((sent * 1000) / elapsedMs)} a second)`;
    out.note(`${sent} sent, ${failed} failed${left} in ${(elapsedMs / 1000).toFixed(1)} s${rate}`);
  }
}

function stdinOf({ io, out }: CommandContext): CommandContext['io']['stdin'] {
  if ((io.stdin as { isTTY?: boolean }).isTTY === true) {
    out.note('each line is a message; Ctrl-D ends');
  }
  return io.stdin;
}

function bytesOf(text: string, label: string): Buffer {
  const bytes = Buffer.from(unescapeText(text, label), 'utf8');
  if (bytes.length === 0) {
    throw new UsageError(`${label} cannot be empty`);
  }
  return bytes;
}

/** What every message is given. */
function commonParts(values: Values): Partial<Message> {
  const { key, tags, delay } = values;
  const at = values['deliver-at'];
  const level = values['delay-level'];
  const properties = new Map(values.property.map(readProperty));
  const shardingKey = values['sharding-key'];
  if (shardingKey !== undefined) {
    properties.set('__SHARDINGKEY', shardingKey);
  }
  return {
    ...(key === undefined ? {} : { keys: splitKeys(key) }),
    ...(tags === undefined ? {} : { tags }),
    ...(level === undefined ? {} : { delayTimeLevel: level }),
    ...(delay === undefined ? {} : { delayTimeMs: Math.round(delay) }),
    ...(at === undefined ? {} : { deliverTimeMs: readMoment(at, '--deliver-at', systemClock.nowMs()) }),
    properties,
  };
}

function readProperty(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) {
    throw new UsageError(`-p, --property expects name=value, got "${text}"`);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
