import type { CheckCounts, TransactionResult } from '../../bench/kind-results.js';
import { apacheTransactionLine, apacheUnexpectedLine, transactionReport } from '../../bench/kind-text.js';
import { wholeNumber } from '../../bench/text.js';
import type { TransactionBenchOptions } from '../../bench/transaction-bench.js';
import { signingKeys } from '../../cli/credentials.js';
import { dateTimeMs } from '../../cli/format.js';
import { type CommonValues, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { CommandContext } from '../base.js';
import { BenchCommand } from './bench-command.js';
import { classicOption, lengthOf, rateOption, warmupOption } from './kind-options.js';
import {
  accessOptions,
  DEFAULT_NAMESRV_ADDR,
  durationOption,
  jsonOption,
  lengthText,
  reportOption,
  topicOption,
} from './shared-options.js';

const share = { kind: 'decimal', default: 0, min: 0 } as const;

const options = defineOptions({
  ...topicOption,
  threadCount: { short: 'w', kind: 'int', default: 32, min: 1, max: 100_000, text: 'Transactions on their way at once, Default: 32' },
  messageSize: { short: 's', kind: 'int', default: 2048, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 2048' },
  sendRollbackRate: { short: 'sr', ...share, text: 'Send rollback rate, 0 to 1, Default: 0.0' },
  sendUnknownRate: { short: 'su', ...share, text: 'Send unknown rate, of those not rolled back, Default: 0.0' },
  checkRollbackRate: { short: 'cr', ...share, text: 'Check rollback rate, Default: 0.0' },
  checkUnknownRate: { short: 'cu', ...share, text: 'Check unknown rate, of those not rolled back, Default: 0.0' },
  testBatchId: { short: 'b', kind: 'long', min: 0, text: 'test batch id, Default: System.currentMillis()' },
  sendInterval: { short: 'i', kind: 'int', default: 0, min: 0, text: 'sleep interval in millis between messages, Default: 0' },
  ...accessOptions,
  ...reportOption,
  messageQuantity: { short: 'q', kind: 'int', own: true, min: 0, text: 'Transactions (0 = until --duration ends)' },
  group: { short: 'g', own: true, default: 'benchmark_transaction_producer', text: 'Producer group' },
  ...durationOption,
  ...rateOption,
  ...warmupOption,
  settle: {
    kind: 'duration',
    own: true,
    text: 'Waits so long after the last send until brokers have asked about all that was left unknown',
  },
  seed: { kind: 'int', own: true, default: 1, text: 'Seed of the ends that -sr, -su, -cr and -cu draw' },
  ...classicOption,
  ...jsonOption,
});
type Values = OptionValues<typeof options> & Omit<CommonValues, keyof typeof options>;

const NO_CHECKS: CheckCounts = { count: 0, expected: 0, unexpected: 0, duplicated: 0, committed: 0, rolledBack: 0, unknown: 0 };

/** `mqbench transaction`. */
export default class TransactionCommand extends BenchCommand<typeof options, TransactionResult> {
  static override summary = 'Send transactional messages, end them as planned, and count what brokers ask about';
  static override description =
    "Takes the options of Apache's TransactionProducer. Latency lasts until the broker was told how the transaction ended. Brokers ask about\n" +
    'unknown ones after their transactionTimeOut (6 s), every transactionCheckInterval (30 s): give --settle to wait for them.';
  static override examples = [
    'mqbench transaction -n 127.0.0.1:9876 -t BenchmarkTest -w 32 -s 2048 --duration 10s',
    'mqbench transaction -n 127.0.0.1:9876 -sr 0.1 -su 0.05 --rate 2000 --duration 30s --settle 60s --json result.json',
    'mqbench transaction -n 127.0.0.1:9876 -sr 0.1 -ri 1000 --classic --duration 10s',
  ];
  static override options = options;

  protected override async execute(values: Values, context: CommandContext): Promise<TransactionResult> {
    const bench = await benchOptions(values, context);
    const { checkTransactions, runTransactionBench } = await import('../../bench/transaction-bench.js');
    checkTransactions(bench);
    let checks = NO_CHECKS;
    return this.runBench(
      {
        // Apache's tool says nothing before its first line.
        opening: values.classic ? '' : openingLine(bench, values),
        verb: 'sent',
        classic: values.classic,
        plainLine: (snapshot) => apacheTransactionLine(snapshot, { time: dateTimeMs(Date.now()), checks }),
        plainIntervalMs: values.reportInterval,
      },
      context,
      {
        jsonFile: values.json,
        run: (hooks) =>
          runTransactionBench(bench, {
            ...hooks,
            onChecks: (since) => {
              checks = since;
            },
            ...(values.classic
              ? { onUnexpected: (check) => context.out.line(apacheUnexpectedLine(check, dateTimeMs(Date.now()).slice(11))) }
              : {}),
          }),
      },
    );
  }

  protected override renderText(result: TransactionResult, out: Output, values: Values): void {
    if (!values.classic) {
      out.text(transactionReport(result));
    }
  }
}

async function benchOptions(values: Values, context: CommandContext): Promise<TransactionBenchOptions> {
  const credentials = await signingKeys(values, context.io.env);
  const { sendRollbackRate, sendUnknownRate, checkRollbackRate, checkUnknownRate } = values;
  return {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    msgTraceEnable: values.msgTraceEnable,
    topic: values.topic,
    producerGroup: values.group,
    bodyBytes: values.messageSize,
    inFlight: values.threadCount,
    ...{ sendRollbackRate, sendUnknownRate, checkRollbackRate, checkUnknownRate },
    batchId: Number(values.testBatchId ?? Date.now()),
    intervalMs: values.sendInterval,
    warmupMs: values.warmup ?? 0,
    settleMs: values.settle ?? 0,
    seed: values.seed,
    ...lengthOf(values),
    ...(values.rate === undefined ? {} : { rate: values.rate }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function openingLine(bench: TransactionBenchOptions, values: Values): string {
  const pace = bench.rate === undefined ? `${wholeNumber(bench.inFlight)} in flight` : `${wholeNumber(bench.rate)} msg/s`;
  return `mqbench transaction: topic ${bench.topic} at ${bench.namesrvAddr}, ${wholeNumber(bench.bodyBytes)} B bodies, ${pace}, ${lengthText(bench, values)}`;
}
