import { randomBytes } from 'node:crypto';
import type { PulledMessage } from '../client/consumer/pulled-message.js';
import type { SendHandler } from '../client/producer/pending-send.js';
import type { TransactionHandler, TransactionSendResult } from '../client/producer/transaction-listener.js';
import { TransactionProducer } from '../client/producer/transaction-producer.js';
import type { Credentials, SendResult } from '../client/types.js';
import { seededRandom } from '../common/clock.js';
import { type MQError, UsageError } from '../common/errors.js';
import type { Message } from '../common/message/message.js';
import { MessageConst } from '../common/message/properties.js';
import type { CheckCounts, TransactionResult } from './kind-results.js';
import type { BenchHooks } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends, waitUntil } from './run-frame.js';
import type { SendTarget } from './send-load.js';
import { SEQUENCE_STAMP_BYTES } from './stamp.js';
import { TransactionChecks, type UnexpectedCheck } from './transaction-checks.js';
import { PLAN_BYTES, type PlannedState, type PlanRates, plannedEnd, writePlan } from './transaction-plan.js';

export interface TransactionBenchOptions extends PlanRates {
  readonly namesrvAddr: string;
  readonly msgTraceEnable?: boolean;
  readonly topic: string;
  readonly producerGroup: string;
  readonly bodyBytes: number;
  readonly inFlight: number;
  /** In each message: checks of other runs are answered without being counted. */
  readonly batchId: number;
  /** How long a place in flight rests after a transaction, ms. */
  readonly intervalMs?: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  readonly rate?: number;
  /** How long the run goes on after its last send, for checks of transactions that it left open; it ends when none is left. */
  readonly settleMs?: number;
  readonly seed?: number;
  readonly credentials?: Credentials;
}

/** What a run of transactions tells beside its progress. */
export interface TransactionHooks extends BenchHooks {
  /** Called before each `onInterval`: checks since the last call. */
  readonly onChecks?: (since: CheckCounts) => void;
  readonly onUnexpected?: (check: UnexpectedCheck) => void;
}

export const SMALLEST_TRANSACTION_BYTES = SEQUENCE_STAMP_BYTES + PLAN_BYTES;

/** @throws UsageError for a workload that makes no sense. */
export function checkTransactions(options: TransactionBenchOptions): void {
  for (const name of ['sendRollbackRate', 'sendUnknownRate', 'checkRollbackRate', 'checkUnknownRate'] as const) {
    if (options[name] > 1) {
      throw new UsageError(`${name} ${options[name]}: a share lies between 0 and 1`);
    }
  }
  if (options.bodyBytes < SMALLEST_TRANSACTION_BYTES) {
    throw new UsageError(
      `a message of ${options.bodyBytes} B has no room for how its transaction ends: at least ${SMALLEST_TRANSACTION_BYTES} B (-s)`,
    );
  }
  if (options.rate !== undefined && (options.intervalMs ?? 0) > 0) {
    throw new UsageError('-i and --rate are two ways to pace a run; leave one out');
  }
}

/** Sends transactional messages, ends them as planned, answers the brokers' checks, and measures. */
export async function runTransactionBench(options: TransactionBenchOptions, hooks: TransactionHooks = {}): Promise<TransactionResult> {
  checkTransactions(options);
  const { topic, inFlight, warmupMs, durationMs, quantity, rate, intervalMs } = options;
  const checks = new TransactionChecks(options.batchId, hooks.onUnexpected);
  const producer = createProducer(options, checks);
  await producer.start([topic]);
  try {
    const { outcome, environment } = await inFrame(async (watch) => {
      const recorder = new TransactionRecorder();
      const run = await runSends({
        recorder,
        hooks: withChecks(hooks, checks),
        stats: () => producer.stats(),
        onWindow: () => {
          checks.reset();
          watch.start();
        },
        load: {
          target: new TransactionTarget(producer, recorder),
          inFlight,
          warmupMs,
          createMessage: () => ({ topic, body: randomBytes(options.bodyBytes) }),
          prepare: plannerOf(options),
          ...(rate === undefined ? {} : { rate }),
          ...(intervalMs === undefined ? {} : { pauseMs: intervalMs }),
          ...(durationMs === undefined ? {} : { durationMs }),
          ...(quantity === undefined ? {} : { quantity }),
        },
      });
      watch.end();
      await waitUntil(() => hooks.signal?.aborted === true || checks.settled >= recorder.allUnknown, options.settleMs ?? 0);
      return { ...run, ends: recorder.ends };
    }, options);
    const { send, ends } = outcome;
    return {
      schema: RESULT_SCHEMA,
      kind: 'transaction',
      config: configOf(options),
      environment,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      send,
      transactions: {
        committed: ends.COMMIT_MESSAGE,
        rolledBack: ends.ROLLBACK_MESSAGE,
        unknown: ends.UNKNOW,
        checks: checks.counts(),
      },
      ...endOf(outcome),
    };
  } finally {
    await producer.shutdown();
  }
}

function createProducer(options: TransactionBenchOptions, checks: TransactionChecks): TransactionProducer<null> {
  return new TransactionProducer<null>({
    namesrvAddr: options.namesrvAddr,
    producerGroup: options.producerGroup,
    enableMsgTrace: options.msgTraceEnable ?? false,
    compressMsgBodyOverHowmuch: Number.MAX_SAFE_INTEGER,
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    listener: {
      executeLocalTransaction: (message) => plannedEnd(message.body),
      checkLocalTransaction: (message) => checks.answer(checkedMessage(message)),
    },
  });
}

function checkedMessage(message: PulledMessage): Parameters<TransactionChecks['answer']>[0] {
  const { body, msgId, offsetMsgId } = message;
  return { body, msgId, offsetMsgId, checkTimes: message.property(MessageConst.TRANSACTION_CHECK_TIMES) };
}

function plannerOf({ batchId, seed, ...rates }: TransactionBenchOptions): (message: Message) => void {
  const random = seededRandom(seed ?? 1);
  let index = 0;
  return (message) => writePlan(message.body, { batchId, index: index++, rates, random });
}

function withChecks(hooks: TransactionHooks, checks: TransactionChecks): BenchHooks {
  let last = checks.counts();
  return {
    ...hooks,
    onInterval: (snapshot) => {
      const now = checks.counts();
      const since = Object.fromEntries(
        Object.entries(now).map(([name, count]) => [name, Math.max(0, count - last[name as keyof CheckCounts])]),
      ) as unknown as CheckCounts;
      last = now;
      hooks.onChecks?.(since);
      hooks.onInterval?.(snapshot);
    },
  };
}

/** Counts how the transactions that are recorded ended. */
class TransactionRecorder extends Recorder {
  /** How the transaction ended whose answer is being recorded. */
  ended: PlannedState = 'UNKNOW';
  readonly ends: Record<PlannedState, number> = { COMMIT_MESSAGE: 0, ROLLBACK_MESSAGE: 0, UNKNOW: 0 };
  /** Left open since the run began. */
  allUnknown = 0;

  override success(latencyUs: number, bodyBytes: number): void {
    super.success(latencyUs, bodyBytes);
    this.ends[this.ended]++;
  }

  override reset(): void {
    super.reset();
    this.ends.COMMIT_MESSAGE = this.ends.ROLLBACK_MESSAGE = this.ends.UNKNOW = 0;
  }
}

/** Sends messages as transactions. */
class TransactionTarget implements SendTarget, TransactionHandler {
  readonly #producer: TransactionProducer<null>;
  readonly #recorder: TransactionRecorder;
  #load: SendHandler | undefined;

  constructor(producer: TransactionProducer<null>, recorder: TransactionRecorder) {
    this.#producer = producer;
    this.#recorder = recorder;
  }

  sendAsync(message: Message, handler: SendHandler, context: unknown): void {
    this.#load = handler;
    this.#producer.sendInTransactionAsync(message, null, this, context);
  }

  onSuccess(result: TransactionSendResult, context: unknown): void {
    this.#recorder.ended = result.localTransactionState;
    if (result.localTransactionState === 'UNKNOW') {
      this.#recorder.allUnknown++;
    }
    this.#load?.onSuccess(result as unknown as SendResult, context);
  }

  onException(error: MQError, context: unknown): void {
    this.#load?.onException(error, context);
  }
}
