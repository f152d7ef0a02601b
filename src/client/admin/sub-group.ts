import { UsageError } from '../../common/errors.js';
import { type JsonObject, parseFastjsonObject, stringifyFastjson } from '../../common/fastjson.js';
import { dlqTopic, isSystemGroup, retryTopic } from '../../common/topic-names.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { requireGroup } from './names.js';
import { everyNamesrv, ORDER_TOPIC_CONFIG } from './update-topic.js';

/** Retry policy of a group; which one counts is in `type`. */
export interface GroupRetryPolicy {
  readonly type: 'EXPONENTIAL' | 'CUSTOMIZED';
  readonly exponentialRetryPolicy?: { readonly initial: number; readonly max: number; readonly multiplier: number };
  readonly customizedRetryPolicy?: { readonly next: readonly number[] };
}

/** Settings of a consumer group, fields as on the wire. */
export interface SubGroupSettings {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly groupRetryPolicy: GroupRetryPolicy;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Target {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly dryRun?: boolean;
}

export interface UpdateSubGroupResult {
  readonly dryRun: boolean;
  readonly subscriptionGroupConfig: SubGroupSettings;
  readonly brokers: readonly NodeOutcome[];
}

/** Creates a consumer group, or replaces its settings, on one broker or on every master of a cluster. */
export async function updateSubGroup(admin: AdminClient, settings: SubGroupSettings, target: Target): Promise<UpdateSubGroupResult> {
  requireGroup(settings.groupName);
  const addrs = await masterAddrsOf(admin, target);
  const dryRun = target.dryRun === true;
  if (dryRun) {
    return { dryRun, subscriptionGroupConfig: settings, brokers: planned(addrs) };
  }
  const body = Buffer.from(stringifyFastjson(settings), 'utf8');
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body }));
  const result: UpdateSubGroupResult = { dryRun, subscriptionGroupConfig: settings, brokers: outcomes(results) };
  requireAll(results, `updateSubGroup ${settings.groupName}`, result);
  return result;
}

async function masterAddrsOf(admin: AdminClient, target: Target): Promise<string[]> {
  return target.brokerAddr !== undefined
    ? [target.brokerAddr]
    : (await admin.clusterMasters(target.clusterName ?? '')).map((broker) => broker.brokerAddr);
}

/** Reads a retry policy from the JSON of `-p`. */
export function parseRetryPolicy(text: string | undefined): GroupRetryPolicy {
  if (text === undefined || text === '') {
    return { type: 'CUSTOMIZED' };
  }
  let policy: Partial<GroupRetryPolicy> | null = null;
  try {
    policy = JSON.parse(text) as Partial<GroupRetryPolicy> | null;
  } catch {
    // Told below, together with JSON of another form.
  }
  if (typeof policy !== 'object' || policy === null || (policy.type !== 'EXPONENTIAL' && policy.type !== 'CUSTOMIZED')) {
    throw new UsageError(`the retry policy ${text} is not JSON with type EXPONENTIAL or CUSTOMIZED`, {
      hint: 'example: {"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000,10000]}}',
    });
  }
  return policy as GroupRetryPolicy;
}

export interface DeleteSubGroupResult {
  readonly dryRun: boolean;
  readonly groupName: string;
  /** Whether one of the brokers had settings of the group before. */
  readonly existed: boolean;
  readonly clusterName?: string;
  readonly brokers: readonly NodeOutcome[];
  /** Retry and dead-letter topics that went with it; only for a whole cluster. */
  readonly topics: readonly string[];
}

export interface DeleteSubGroupRequest extends Target {
  readonly groupName: string;
  /** Delete the group's offsets too. */
  readonly removeOffset?: boolean;
}

/**
 * Deletes a consumer group from one broker, or from a cluster together with its retry and dead-letter topics. Deleting what is already gone
 * is a success.
 */
export async function deleteSubGroup(admin: AdminClient, request: DeleteSubGroupRequest): Promise<DeleteSubGroupResult> {
  const { groupName, clusterName, removeOffset = false, dryRun = false } = request;
  if (isSystemGroup(groupName)) {
    throw new UsageError(`group ${groupName} belongs to the system and cannot be deleted`, { code: 'SYSTEM_GROUP' });
  }
  const addrs = await masterAddrsOf(admin, request);
  const knows = await askAll(addrs, (addr) => knowsGroup(admin, addr, groupName));
  requireAll(knows, `deleteSubGroup ${groupName}: nothing was deleted`, undefined);
  const existed = knows.some((entry) => entry.value === true);
  const topics = clusterName === undefined || request.brokerAddr !== undefined ? [] : [retryTopic(groupName), dlqTopic(groupName)];
  const shown = { dryRun, groupName, existed, ...(clusterName === undefined ? {} : { clusterName }) };
  if (dryRun) {
    return { ...shown, brokers: planned(addrs), topics };
  }
  const results = await askAll(addrs, async (addr) => {
    const flag = String(removeOffset);
    // 5.x reads cleanOffset, 4.9 removeOffset.
    await admin.ask(addr, { code: RequestCode.DELETE_SUBSCRIPTIONGROUP, extFields: { groupName, cleanOffset: flag, removeOffset: flag } });
    for (const topic of topics) {
      await admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic } });
    }
  });
  const result: DeleteSubGroupResult = { ...shown, brokers: outcomes(results), topics };
  requireAll(results, `deleteSubGroup ${groupName}`, result);
  for (const topic of topics) {
    await everyNamesrv(
      admin,
      `deleteSubGroup ${groupName}`,
      { code: RequestCode.DELETE_TOPIC_IN_NAMESRV, extFields: { topic, clusterName: clusterName ?? '' } },
      result,
    );
    await everyNamesrv(
      admin,
      `deleteSubGroup ${groupName}`,
      { code: RequestCode.DELETE_KV_CONFIG, extFields: { namespace: ORDER_TOPIC_CONFIG, key: topic } },
      result,
    );
  }
  return result;
}

/** Whether a broker has settings of a group. */
export async function knowsGroup(admin: AdminClient, addr: string, groupName: string): Promise<boolean> {
  const response = await admin.ask(addr, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG }, [ResponseCode.REQUEST_CODE_NOT_SUPPORTED]);
  if (response.code !== ResponseCode.SUCCESS) {
    // A broker that cannot say which groups it has is taken at its word when it deletes.
    return true;
  }
  const table = parseFastjsonObject(bodyOf(response), 'subscription groups').subscriptionGroupTable as JsonObject | undefined;
  return table !== undefined && Object.hasOwn(table, groupName);
}
