import { type Clock, type Random, systemClock, systemRandom } from '../../common/clock.js';
import { MQError, NotFoundError, PartialError } from '../../common/errors.js';
import { UniqKeyGenerator } from '../../common/message/message-id.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import type { MessageQueue } from '../message-queue.js';
import { validateMessage } from '../producer/validate.js';
import type { SendResult } from '../types.js';
import type { AdminClient } from './admin-client.js';
import { MAX_MESSAGE_SIZE, mayRetry, sendOnce, sendTargets } from './send-message.js';

/** Where test messages of a topic go; looked up once, so that the time of a send is the time of the broker. */
export interface ProbePlan {
  readonly topic: string;
  readonly route: TopicRouteData;
  readonly queues: readonly MessageQueue[];
}

/** The queues of a topic. A topic that does not exist has those it will have when a broker makes it with the first message. */
export async function planProbes(admin: AdminClient, topic: string): Promise<ProbePlan> {
  return { topic, ...(await sendTargets(admin, { message: { topic, body: Buffer.alloc(0) } })) };
}

/** Like {@link planProbes} for the topic that every broker has under its own name. @throws NotFoundError when it is neither a broker nor a topic. */
export async function planBrokerProbes(admin: AdminClient, brokerName: string): Promise<ProbePlan> {
  if ((await admin.findRoute(brokerName)) === null) {
    const known = [...(await admin.clusterInfo()).brokerAddrTable.keys()].sort();
    if (!known.includes(brokerName)) {
      throw new NotFoundError(`${brokerName} is neither a broker nor a topic on ${admin.namesrv.addresses.join(';')}`, {
        code: 'BROKER_NOT_EXIST',
        hint: known.length === 0 ? 'no broker has registered there yet' : `brokers there: ${known.join(', ')} (names, not addresses)`,
        context: { brokerName },
      });
    }
  }
  return planProbes(admin, brokerName);
}

export interface ProbeOptions {
  readonly body: Buffer;
  readonly amount: number;
  readonly producerGroup: string;
  /** Queue of the first message; a random one when absent. */
  readonly firstQueue?: number;
  /** Further queues that are tried when one refuses. */
  readonly retries?: number;
}

/** What became of one test message. */
export interface SendProbe {
  /** The queue that was tried last. */
  readonly brokerName: string;
  readonly queueId: number;
  readonly isSent: boolean;
  /** From the call to the answer, ms with fraction. */
  readonly rtMs: number;
  readonly sendResult?: SendResult;
  readonly error?: { readonly code: string; readonly message: string };
  readonly cause?: MQError;
}

/** Sends test messages one after the other, to the queues in turn; a send that fails does not end it. */
export async function* sendProbes(
  admin: AdminClient,
  plan: ProbePlan,
  options: ProbeOptions,
  seams: { clock?: Clock; random?: Random } = {},
): AsyncGenerator<SendProbe> {
  const { clock = systemClock, random = systemRandom } = seams;
  const message = { topic: plan.topic, body: options.body };
  const problem = validateMessage(message, MAX_MESSAGE_SIZE);
  if (problem !== null) {
    throw problem;
  }
  const ids = new UniqKeyGenerator();
  const first = options.firstQueue ?? random.nextInt(plan.queues.length);
  for (let i = 0; i < options.amount; i++) {
    const begin = clock.monotonicMs();
    const msgId = ids.create();
    for (let attempt = 0; ; attempt++) {
      const queue = plan.queues[(first + i + attempt) % plan.queues.length]!;
      const addr = plan.route.brokerDatas.find((broker) => broker.brokerName === queue.brokerName)?.brokerAddrs.get(0);
      const shown = { brokerName: queue.brokerName, queueId: queue.queueId };
      try {
        if (addr === undefined) {
          throw new NotFoundError(`broker ${queue.brokerName} has no master to send to`, { code: 'NO_MASTER' });
        }
        const bornTimestamp = clock.nowMs();
        const sendResult = await sendOnce(admin, { message, queue, addr, msgId, producerGroup: options.producerGroup, bornTimestamp });
        yield { ...shown, isSent: true, rtMs: clock.monotonicMs() - begin, sendResult };
        break;
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        if (attempt >= (options.retries ?? 0) || !mayRetry(error)) {
          const { code, message: text } = error;
          yield { ...shown, isSent: false, rtMs: clock.monotonicMs() - begin, error: { code, message: text }, cause: error };
          break;
        }
      }
    }
  }
}

/** A probe as it is shown. */
export type ShownProbe = Omit<SendProbe, 'cause'>;

/** A probe without what is only of use inside. */
export function shownProbe({ cause: _, ...probe }: SendProbe): ShownProbe {
  return probe;
}

/** Throws unless all were sent: the error itself when none was, else a {@link PartialError}; `result` travels with it. */
export function requireSent(probes: readonly SendProbe[], what: string, result: unknown): void {
  const failed = probes.filter((probe) => !probe.isSent);
  const cause = failed[0]?.cause;
  if (cause === undefined) {
    return;
  }
  if (failed.length === probes.length) {
    throw cause;
  }
  throw new PartialError(`${what}: ${failed.length} of ${probes.length} messages were not sent, the first because ${cause.message}`, {
    context: { sent: probes.length - failed.length, failed: failed.length, result },
    cause,
  });
}
