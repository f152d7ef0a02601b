import { format } from '../../../cli/format.js';
import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { ConsumerStatusResult } from '../../../client/admin/consumer-status.js';
import { systemClock } from '../../../common/clock.js';
import { ConfigError, PartialError } from '../../../common/errors.js';
import { differenceText } from '../../../common/subscription-differences.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { runningInfoText, stuckQueueText } from '../running-info-text.js';

const options = defineOptions({
  consumerGroup: { short: 'g', required: true, text: 'consumer group name' },
  clientId: { short: 'i', text: 'The consumer id.' },
  brokerAddr: { short: 'b', text: 'broker address' },
  jstack: { short: 's', kind: 'flag', text: 'Run jstack command in the consumer progress' },
  dir: { own: true, text: 'Folder for the files with what each consumer says; the working directory without it' },
});

type Values = OptionValues<typeof options>;
type Result = ConsumerStatusResult & {
  /** Where each client's running info was written, by client id. */
  readonly files?: Readonly<Record<string, string>>;
};

/** Shows what the consumers of a group do. */
export default class ConsumerStatus extends AdminCommand<typeof options, Result> {
  static override summary = "Query consumer's internal data structure.";
  static override description = [
    'As the Java tool it writes what each consumer says to a file `<milliseconds>/<client id>`; with -i it prints that, and with --json it is in the result.',
    'Members that subscribe differently, the classic cause of lost messages, are named at once. -s adds the stacks of a consumer that can tell them.',
  ].join('\n');
  static override examples = [
    'mqadmin consumerStatus -n 127.0.0.1:9876 -g OrderPaidGroup --dir /var/tmp',
    'mqadmin consumerStatus -n 127.0.0.1:9876 -g OrderPaidGroup -s --json',
  ];
  static override options = options;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Result> {
    const { consumerStatus } = await import('../../../client/admin/consumer-status.js');
    const { consumerGroup, clientId, brokerAddr, jstack } = values;
    const nowMs = systemClock.nowMs();
    const found = await consumerStatus(admin, { consumerGroup, clientId, brokerAddr, jstack, nowMs });
    const result = context.json || clientId !== undefined ? found : { ...found, files: await writeFiles(found, values.dir ?? '', nowMs) };
    const silent = found.clients.filter(({ runningInfo }) => runningInfo === null);
    if (silent.length > 0) {
      const reasons = silent.map((client) => `${client.clientId} (${client.reason ?? ''})`);
      throw new PartialError(`consumers did not answer: ${reasons.join('; ')}`, { context: { result } });
    }
    return result;
  }

  protected override render(result: Result, out: Output, values: Values): void {
    if (values.clientId !== undefined) {
      for (const { runningInfo } of result.clients) {
        out.text(runningInfo === null ? '' : runningInfoText(runningInfo));
      }
      return;
    }
    out.line(format('%-10s %-40s %-20s %s', '#Index', '#ClientId', '#Version', '#ConsumerRunningInfoFile'));
    const answered = result.clients.filter(({ runningInfo }) => runningInfo !== null);
    for (const [i, { clientId, versionDesc }] of answered.entries()) {
      out.line(format('%-10d %-40s %-20s %s', i + 1, clientId, versionDesc, result.files?.[clientId] ?? ''));
    }
    if (answered.length === 0) {
      return;
    }
    if (result.subscriptionDifferences.length > 0) {
      out.line('\n\nWARN: Different subscription in the same group of consumer!!!');
      for (const difference of result.subscriptionDifferences) {
        out.line(differenceText(difference));
      }
    } else {
      out.line('\n\nSame subscription in the same group of consumer\n\nRebalance OK');
    }
    for (const queue of result.stuckQueues) {
      out.line(stuckQueueText(queue));
    }
  }
}

async function writeFiles(result: ConsumerStatusResult, dir: string, nowMs: number): Promise<Record<string, string>> {
  const [{ mkdir, writeFile }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  const files: Record<string, string> = {};
  try {
    for (const { clientId, runningInfo } of result.clients) {
      if (runningInfo !== null) {
        await mkdir(join(dir, String(nowMs)), { recursive: true });
        // A client may call itself what it likes; its file stays in this folder.
        const file = join(dir, String(nowMs), clientId.replace(/[/\\]/g, '_'));
        await writeFile(file, runningInfoText(runningInfo));
        files[clientId] = file;
      }
    }
    return files;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ConfigError(
      `the files with what consumers say cannot be written to ${dir === '' ? 'the working directory' : dir} (${code})`,
      {
        hint: 'give another folder with --dir, or see it with --json',
        cause,
      },
    );
  }
}
