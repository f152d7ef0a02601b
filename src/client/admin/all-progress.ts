import { ConnectError, type MQError, PartialError, TimeoutError } from '../../common/errors.js';
import { versionDesc } from '../../common/mq-version.js';
import { isRetryTopic, RETRY_GROUP_TOPIC_PREFIX, retryTopic } from '../../common/topic-names.js';
import { type ConsumeStats, decodeConsumerOffsetWrapper } from '../../remoting/bodies/consume-stats.js';
import type { ConsumerConnection } from '../../remoting/bodies/subscription.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { allMasters, consumersAt } from './connections.js';
import { consumeStatsAt, progressRows } from './consumer-progress.js';
import { askAll, type NodeOutcome, type NodeResult, outcomes, requireAll } from './fan-out.js';
import { mapLimited } from './map-limited.js';
import { masterAddrs } from './topic-list.js';

/** One line of the list of all groups. */
export interface GroupSummary {
  readonly consumerGroup: string;
  /** Clients connected; 0 for an offline group. */
  readonly count: number;
  /** Oldest version among the clients, `OFFLINE` when there is none. */
  readonly version: string;
  readonly consumeType: string;
  readonly messageModel: string;
  /** Null when none of the group's brokers said it. */
  readonly consumeTps: number | null;
  readonly diffTotal: number | null;
  /** Brokers of the group that did not answer: the figures are without theirs. */
  readonly missing?: readonly string[];
  /** Why they did not. */
  readonly reason?: string;
}

export interface AllProgressResult {
  /** By name. */
  readonly groups: readonly GroupSummary[];
  /** Brokers that did not answer; a group may have offsets there that nobody knows of. */
  readonly unreachable: readonly NodeOutcome[];
}

/** Groups that are asked about at once; what goes to one broker at once is bounded by the client. */
const GROUPS_AT_ONCE = 128;

/**
 * Lag of all groups that have a retry topic, as Apache's tool finds them. Of each group only those brokers are asked that have offsets of it or
 * its retry topic, and a broker that did not answer once is not waited for again.
 * @throws PartialError with the result when a broker did not answer.
 */
export async function allProgress(admin: AdminClient): Promise<AllProgressResult> {
  const groups = (await admin.topicNames())
    .filter((topic) => isRetryTopic(topic))
    .map((topic) => topic.slice(RETRY_GROUP_TOPIC_PREFIX.length))
    .sort();
  const survey = new Survey(admin, groups.length === 0 ? [] : await allMasters(admin));
  await survey.readOffsets();
  const summaries = await mapLimited(groups, (group) => survey.summaryOf(group), GROUPS_AT_ONCE);
  const result: AllProgressResult = { groups: summaries, unreachable: survey.unreachable };
  requireComplete(survey.brokers, result);
  return result;
}

function requireComplete(brokers: readonly NodeResult<unknown>[], result: AllProgressResult): void {
  requireAll(brokers, 'consumerProgress', result);
  const partial = result.groups.filter(({ missing }) => missing !== undefined);
  if (partial.length > 0) {
    const shown = partial.slice(0, 3).map(({ consumerGroup, reason }) => `${consumerGroup} (${reason})`);
    throw new PartialError(
      `consumerProgress: ${partial.length} of ${result.groups.length} groups are not complete: ${shown.join('; ')}${partial.length > 3 ? '; …' : ''}`,
      { context: { groups: partial.map(({ consumerGroup }) => consumerGroup), result } },
    );
  }
}

/** What is known of the brokers while groups are asked about. */
class Survey {
  readonly #admin: AdminClient;
  readonly #masters: readonly string[];
  /** Groups with offsets, by broker; a broker that did not say it is absent. */
  readonly #groupsAt = new Map<string, ReadonlySet<string>>();
  /** Why nothing more is asked of a broker. */
  readonly #gone = new Map<string, MQError>();

  constructor(admin: AdminClient, masters: readonly string[]) {
    this.#admin = admin;
    this.#masters = masters;
  }

  get brokers(): NodeResult<unknown>[] {
    return this.#masters.map((addr) => {
      const cause = this.#gone.get(addr);
      return cause === undefined
        ? { addr, outcome: 'done' }
        : {
            addr,
            outcome: cause instanceof TimeoutError ? 'unknown' : 'failed',
            error: { code: cause.code, message: cause.message },
            cause,
          };
    });
  }

  get unreachable(): NodeOutcome[] {
    return outcomes(this.brokers.filter(({ outcome }) => outcome !== 'done'));
  }

  /** Asks every broker which groups have offsets there. One that refuses to say it is asked about groups later. */
  async readOffsets(): Promise<void> {
    await askAll(this.#masters, (addr) =>
      this.#once(addr, async () => {
        const response = await this.#admin.ask(addr, { code: RequestCode.GET_ALL_CONSUMER_OFFSET });
        this.#groupsAt.set(addr, groupsWithOffsets(bodyOf(response)));
      }),
    );
  }

  async summaryOf(consumerGroup: string): Promise<GroupSummary> {
    const [located] = await askAll([''], () => this.#brokersOf(consumerGroup));
    if (located?.value === undefined) {
      return summary(consumerGroup, [], { missing: [], reason: located?.error?.message ?? '' });
    }
    const answers = await askAll(located.value, (addr) =>
      this.#once(addr, async () => {
        const [stats, clients] = await Promise.all([
          consumeStatsAt(this.#admin, addr, consumerGroup),
          consumersAt(this.#admin, addr, consumerGroup),
        ]);
        return { stats, clients };
      }),
    );
    const bad = answers.filter(({ outcome }) => outcome !== 'done');
    const failure = bad.length === 0 ? undefined : { missing: bad.map(({ addr }) => addr), reason: bad[0]?.error?.message ?? '' };
    return summary(
      consumerGroup,
      answers.flatMap(({ value }) => value ?? []),
      failure,
    );
  }

  /** Brokers with offsets of the group or its retry topic; where it has neither, those that did not say which groups they have. */
  async #brokersOf(consumerGroup: string): Promise<string[]> {
    const known = this.#masters.filter((addr) => this.#groupsAt.get(addr)?.has(consumerGroup) === true);
    const route = await this.#admin.findRoute(retryTopic(consumerGroup));
    const others = route === null ? this.#masters.filter((addr) => !this.#groupsAt.has(addr) && !this.#gone.has(addr)) : masterAddrs(route);
    return [...new Set([...known, ...others])];
  }

  /** Fails at once where the broker was found unreachable before. */
  async #once<V>(addr: string, ask: () => Promise<V>): Promise<V> {
    const gone = this.#gone.get(addr);
    if (gone !== undefined) {
      throw gone;
    }
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ConnectError || error instanceof TimeoutError) {
        this.#gone.set(addr, this.#gone.get(addr) ?? error);
      }
      throw error;
    }
  }
}

function groupsWithOffsets(body: Buffer): Set<string> {
  const { offsetTable } = decodeConsumerOffsetWrapper(body);
  return new Set(Array.from(offsetTable.keys(), (key) => key.slice(key.indexOf('@') + 1)));
}

function summary(
  consumerGroup: string,
  answers: readonly { stats: ConsumeStats; clients: ConsumerConnection | null }[],
  failure: { missing: string[]; reason: string } | undefined,
): GroupSummary {
  const online = answers.flatMap(({ clients }) => clients ?? []);
  const versions = new Map(online.flatMap((entry) => entry.connectionSet.map((client) => [client.clientId, client.version] as const)));
  const first = online[0];
  const isKnown = failure === undefined || answers.length > 0;
  return {
    consumerGroup,
    count: versions.size,
    version: versions.size === 0 ? 'OFFLINE' : versionDesc(Math.min(...versions.values())),
    consumeType: first === undefined ? '' : first.consumeType === 'CONSUME_ACTIVELY' ? 'PULL' : 'PUSH',
    messageModel: first?.messageModel ?? '',
    consumeTps: isKnown ? answers.reduce((sum, { stats }) => sum + stats.consumeTps, 0) : null,
    diffTotal: isKnown ? answers.reduce((sum, { stats }) => sum + diffOf(stats), 0) : null,
    ...failure,
  };
}

function diffOf(stats: ConsumeStats): number {
  return progressRows(stats).reduce((sum, { diff }) => sum + diff, 0);
}
