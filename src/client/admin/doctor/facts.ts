import { BrokerError, type ErrorCategory, MQError } from '../../../common/errors.js';
import type { HARuntimeInfo } from '../../../remoting/bodies/replication.js';
import type { ClusterInfo, TopicRouteData } from '../../../remoting/bodies/route.js';
import type { ConsumerRunningInfo } from '../../../remoting/bodies/running-info.js';
import type { ConsumerConnection } from '../../../remoting/bodies/subscription.js';
import type { SubscriptionGroupConfig } from '../../../remoting/bodies/subscription-group.js';
import type { TopicConfig } from '../../../remoting/bodies/topic.js';
import { ResponseCode } from '../../../remoting/codes.js';
import type { MessageQueue } from '../../message-queue.js';
import type { ClusterBroker } from '../admin-client.js';
import type { RuntimeInfo } from '../runtime-info.js';

/** Why something is not known. */
export interface Unknown {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly message: string;
  /** The node does not know the request: an older version, or a part that it does not have. */
  readonly isUnsupported: boolean;
  readonly cause: MQError;
}

/** What a node answered, or why it did not: empty and unknown are two things. */
export type Answer<V> = { readonly value: V; readonly error?: undefined } | { readonly value?: undefined; readonly error: Unknown };

/** What brokers answer that replicate in another way, or not at all. */
const NO_REPLICATION = 'Can not get HARuntimeInfo';

/** Whether a node did not answer at all; one that refuses is there. */
export function isSilent(error: Unknown | undefined): boolean {
  return error?.category === 'connect' || error?.category === 'timeout';
}

/** Keeps the failure of a request as an answer; errors that are no fault of a node are thrown. */
export async function answerOf<V>(work: () => Promise<V>): Promise<Answer<V>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    const isUnsupported =
      error instanceof BrokerError &&
      (error.responseCode === ResponseCode.REQUEST_CODE_NOT_SUPPORTED || error.message.includes(NO_REPLICATION));
    return { error: { code: error.code, category: error.category, message: error.message, isUnsupported, cause: error } };
  }
}

export interface NamesrvFact {
  readonly addr: string;
  readonly clusterInfo: Answer<ClusterInfo>;
  readonly topics: Answer<readonly string[]>;
}

/** Progress of one group on one queue. */
export interface ProgressFact extends MessageQueue {
  readonly consumerGroup: string;
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  /** Store time of the last message consumed, ms; 0 when there is none. */
  readonly lastTimestamp: number;
}

/** A reading of offsets, and when it was taken. */
export interface ProgressReading {
  /** Monotonic, ms. */
  readonly atMs: number;
  readonly rows: readonly ProgressFact[];
}

/** When a broker was asked, by the wall clock here. */
export interface AskTime {
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** What one broker says of itself. What was not asked for is absent. */
export interface BrokerFact extends ClusterBroker {
  readonly clusterName: string;
  readonly runtime: Answer<RuntimeInfo>;
  readonly askTime: AskTime | null;
  readonly config?: Answer<Readonly<Record<string, string>>>;
  readonly topics?: Answer<ReadonlyMap<string, TopicConfig>>;
  readonly groups?: Answer<ReadonlyMap<string, SubscriptionGroupConfig>>;
  readonly progress?: Answer<ProgressReading>;
  readonly replication?: Answer<HARuntimeInfo>;
}

export interface TopicFact {
  readonly topic: string;
  /** Null: the name server has none. */
  readonly route: Answer<TopicRouteData | null>;
}

/** A connection of a client. */
export interface ClientFact {
  readonly clientId: string;
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
  /** Broker that told of it. */
  readonly brokerAddr: string;
  readonly group: string;
  readonly role: 'consumer' | 'producer';
}

/** What a member says of itself, and when it said so. */
export type MemberAnswer = Answer<ConsumerRunningInfo> & {
  /** Wall clock here, ms. */
  readonly atMs: number;
};

export interface GroupFact {
  readonly group: string;
  /** Members as the brokers that were asked see them; empty when none is online. */
  readonly connections: Answer<readonly { readonly brokerAddr: string; readonly connection: ConsumerConnection }[]>;
  /** What members say of themselves, by client id; only of the groups where it was asked for. */
  readonly running: ReadonlyMap<string, MemberAnswer> | null;
  /** Offsets some seconds after the first reading, a reading of each broker; null when it was not read again. */
  readonly later: readonly ProgressReading[] | null;
  /** Messages in its dead-letter topic; null when there is no such topic. */
  readonly deadLetters: Answer<number> | null;
}

/** All that the doctor looks at. */
export interface DoctorFacts {
  /** Wall clock here, ms. */
  readonly nowMs: number;
  readonly namesrvs: readonly NamesrvFact[];
  readonly brokers: readonly BrokerFact[];
  readonly topics: readonly TopicFact[];
  readonly groups: readonly GroupFact[];
  readonly producers: readonly ClientFact[];
  /** Order configurations by topic; absent when they were not asked for. */
  readonly orderConfs?: Answer<ReadonlyMap<string, string>>;
  /** Requests that failed without a place among the facts above. */
  readonly gaps: readonly { readonly name: string; readonly what: string; readonly error: Unknown }[];
  /** What was left out because there was too much of it. */
  readonly leftOut: readonly { readonly what: string; readonly count: number; readonly option: string }[];
}

/** Client ids of a group's members, whichever broker told of them. */
export function memberIds({ connections }: GroupFact): Set<string> {
  return new Set((connections.value ?? []).flatMap(({ connection }) => connection.connectionSet.map(({ clientId }) => clientId)));
}

/** Members of a group, each connection once a broker. */
export function clientsOf(group: GroupFact): ClientFact[] {
  return (group.connections.value ?? []).flatMap(({ brokerAddr, connection }) =>
    connection.connectionSet.map((client) => ({ ...client, brokerAddr, group: group.group, role: 'consumer' as const })),
  );
}
