import { type JsonObject, parseFastjsonObject } from '../../common/fastjson.js';
import { stringifyConfigBody } from '../../common/properties-file.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import { type AdminClient, bodyOf, type ClusterBroker } from './admin-client.js';
import type { BrokerTarget } from './broker-change.js';
import { askAll, requireAll } from './fan-out.js';

/** A broker that was addressed alone, or with its place in a cluster. */
export interface PlacedBroker {
  readonly brokerAddr: string;
  readonly role?: 'master' | 'slave';
  readonly masterAddr?: string;
}

export interface ColdDataResult {
  readonly brokers: readonly (PlacedBroker & {
    /** Limits and counters of cold reads, fields as the broker names them. */
    readonly coldData: JsonObject;
  })[];
}

/** The limiter of cold reads of one broker, or of all brokers of a cluster. */
export async function coldDataInfo(admin: AdminClient, target: BrokerTarget): Promise<ColdDataResult> {
  const places = await placesOf(admin, target);
  const results = await askAll(addrsOf(places), async (addr) =>
    parseFastjsonObject(bodyOf(await admin.ask(addr, { code: RequestCode.GET_COLD_DATA_FLOW_CTR_INFO })), 'cold data'),
  );
  const brokers = places.flatMap((place, i) => (results[i]?.value === undefined ? [] : [{ ...place, coldData: results[i].value }]));
  requireAll(results, 'getColdDataFlowCtrInfo', { brokers });
  return { brokers };
}

/** Limits how many bytes a group may read from cold files a second. */
export function coldDataLimit(consumerGroup: string, threshold: number): RequestInit {
  const body = Buffer.from(stringifyConfigBody({ [consumerGroup]: String(threshold) }));
  return { code: RequestCode.UPDATE_COLD_DATA_FLOW_CTR_CONFIG, body };
}

/** Takes the limit of a group away. */
export function noColdDataLimit(consumerGroup: string): RequestInit {
  return { code: RequestCode.REMOVE_COLD_DATA_FLOW_CTR_CONFIG, body: Buffer.from(consumerGroup) };
}

export interface ReadAheadResult {
  readonly dryRun: boolean;
  readonly mode: number;
  readonly brokers: readonly (PlacedBroker & { readonly answer: string | null })[];
}

/** Sets how the kernel reads ahead in commit log files: 0 as usual, 1 not at all. */
export async function setReadAheadMode(
  admin: AdminClient,
  { mode, dryRun = false, ...target }: BrokerTarget & { mode: number; dryRun?: boolean },
): Promise<ReadAheadResult> {
  const places = await placesOf(admin, target);
  if (dryRun) {
    return { dryRun, mode, brokers: places.map((place) => ({ ...place, answer: null })) };
  }
  const results = await askAll(addrsOf(places), async (addr) => {
    const extFields = { READ_AHEAD_MODE: String(mode) };
    return { remark: (await admin.ask(addr, { code: RequestCode.SET_COMMITLOG_READ_MODE, extFields })).remark };
  });
  const brokers = places.flatMap((place, i) => {
    const answer = results[i]?.value;
    return answer === undefined ? [] : [{ ...place, answer: answer.remark }];
  });
  const result = { dryRun, mode, brokers };
  requireAll(results, 'setCommitLogReadAheadMode', result);
  return result;
}

function addrsOf(places: readonly PlacedBroker[]): string[] {
  return places.map(({ brokerAddr }) => brokerAddr);
}

async function placesOf(admin: AdminClient, target: BrokerTarget): Promise<PlacedBroker[]> {
  if (target.brokerAddr !== undefined) {
    return [{ brokerAddr: target.brokerAddr }];
  }
  const members = await admin.clusterBrokers(target.clusterName ?? '');
  return members.map((member) => ({ brokerAddr: member.brokerAddr, ...roleOf(member, members) }));
}

function roleOf(member: ClusterBroker, members: readonly ClusterBroker[]): Omit<PlacedBroker, 'brokerAddr'> {
  if (member.brokerId === 0) {
    return { role: 'master' };
  }
  const master = members.find((broker) => broker.brokerName === member.brokerName && broker.brokerId === 0);
  return { role: 'slave', ...(master === undefined ? {} : { masterAddr: master.brokerAddr }) };
}
