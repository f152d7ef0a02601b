import { NotFoundError, ProtocolError, UsageError } from '../../common/errors.js';
import { parseProperties, stringifyConfigBody } from '../../common/properties-file.js';
import { isObject, numberMap, parseBody } from '../../remoting/bodies/reader.js';
import { decodeBrokerReplicasInfo, type ReplicasInfo } from '../../remoting/bodies/replication.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

/** What a controller says of its group. */
export interface ControllerMetaData {
  readonly group: string;
  readonly controllerLeaderId: string;
  readonly controllerLeaderAddress: string;
  /** `id:address` of each member. */
  readonly peers: readonly string[];
}

/** The members of a list of addresses with `;` between them. */
export function controllerAddrs(text: string): string[] {
  const addrs = text
    .split(';')
    .map((addr) => addr.trim())
    .filter((addr) => addr !== '');
  if (addrs.length === 0) {
    throw new UsageError('-a, --controllerAddress expects host:port, several separated by ;');
  }
  return addrs;
}

/** Asks the first controller of the list for its group. */
export async function controllerMetaData(admin: AdminClient, addresses: string): Promise<ControllerMetaData> {
  const [addr = ''] = controllerAddrs(addresses);
  const { extFields } = await admin.ask(addr, { code: RequestCode.CONTROLLER_GET_METADATA_INFO });
  const { group = '', controllerLeaderId = '', controllerLeaderAddress = '', peers = '' } = extFields ?? {};
  return { group, controllerLeaderId, controllerLeaderAddress, peers: peers.split(';').filter((peer) => peer !== '') };
}

async function leaderOf(admin: AdminClient, addresses: string): Promise<string> {
  const { controllerLeaderAddress } = await controllerMetaData(admin, addresses);
  if (controllerLeaderAddress === '' || controllerLeaderAddress === 'null') {
    throw new NotFoundError(`the controllers at ${addresses} have no leader`, {
      code: 'CONTROLLER_NOT_LEADER',
      hint: 'more than half of them must be up; repeat it when they are',
    });
  }
  return controllerLeaderAddress;
}

export interface SyncStateSetResult {
  readonly brokers: readonly (ReplicasInfo & { readonly brokerName: string })[];
}

/** The copies of brokers that are in step with their masters, as the controller has it. */
export async function syncStateSet(
  admin: AdminClient,
  { controllerAddress, brokerName, clusterName }: { controllerAddress: string; brokerName?: string; clusterName?: string },
): Promise<SyncStateSetResult> {
  const names = brokerName === undefined ? await brokerNamesOf(admin, clusterName ?? '') : [brokerName];
  const leader = await leaderOf(admin, controllerAddress);
  const body = Buffer.from(JSON.stringify(names));
  const response = await admin.ask(leader, { code: RequestCode.CONTROLLER_GET_SYNC_STATE_DATA, body });
  const brokers = [...decodeBrokerReplicasInfo(bodyOf(response))].map(([name, info]) => ({ brokerName: name, ...info }));
  if (brokers.length === 0) {
    throw new NotFoundError(`broker ${names.join(', ')} is not known to the controller ${leader}`, {
      code: 'CONTROLLER_BROKER_METADATA_NOT_EXIST',
      hint: 'only brokers with enableControllerMode register there',
    });
  }
  return { brokers };
}

async function brokerNamesOf(admin: AdminClient, clusterName: string): Promise<string[]> {
  return [...new Set((await admin.clusterBrokers(clusterName)).map(({ brokerName }) => brokerName))];
}

export interface ControllerConfigResult {
  /** By address; sorted names inside. */
  readonly controllers: readonly { readonly addr: string; readonly config: Readonly<Record<string, string>> }[];
}

/** The running configuration of every controller of the list. */
export async function controllerConfig(admin: AdminClient, addresses: string): Promise<ControllerConfigResult> {
  const results = await askAll(controllerAddrs(addresses), async (addr) => {
    const response = await admin.ask(addr, { code: RequestCode.GET_CONTROLLER_CONFIG });
    const { entries } = parseProperties(bodyOf(response).toString('utf8'));
    const pairs = Array.from(entries, ([key, entry]): [string, string] => [key, entry.value]);
    return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  const controllers = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ addr, config: value }]));
  requireAll(results, 'getControllerConfig', { controllers });
  return { controllers };
}

export interface UpdateControllerConfigResult {
  readonly dryRun: boolean;
  readonly key: string;
  readonly value: string;
  readonly controllers: readonly NodeOutcome[];
}

/** Changes one key on every controller of the list. */
export async function updateControllerConfig(
  admin: AdminClient,
  request: { controllerAddress: string; key: string; value: string; dryRun?: boolean },
): Promise<UpdateControllerConfigResult> {
  const { key, value, dryRun = false } = request;
  if (!/^[A-Za-z0-9_.-]+$/.test(key) || /[\r\n]/.test(value)) {
    throw new UsageError(`${JSON.stringify(key)}=${JSON.stringify(value)} is not a key and value of a configuration`);
  }
  const addrs = controllerAddrs(request.controllerAddress);
  if (dryRun) {
    return { dryRun, key, value, controllers: planned(addrs) };
  }
  const body = Buffer.from(stringifyConfigBody({ [key]: value }));
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.UPDATE_CONTROLLER_CONFIG, body }));
  const result: UpdateControllerConfigResult = { dryRun, key, value, controllers: outcomes(results) };
  requireAll(results, `updateControllerConfig ${key}=${value}`, result);
  return result;
}

/** One copy of a broker, as requests to the controller name it. */
export interface ControllerReplica {
  readonly controllerAddress: string;
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerId: number;
}

export interface ElectMasterResult {
  readonly dryRun: boolean;
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly masterAddress: string | null;
  readonly masterEpoch: number | null;
  readonly syncStateSetEpoch: number | null;
  /** Addresses by broker id, where the controller says them. */
  readonly brokerAddrs: readonly (readonly [number, string])[];
}

/** Makes a copy of a broker its master. */
export async function electMaster(
  admin: AdminClient,
  { dryRun = false, ...replica }: ControllerReplica & { dryRun?: boolean },
): Promise<ElectMasterResult> {
  const { controllerAddress, clusterName, brokerName, brokerId } = replica;
  const leader = await leaderOf(admin, controllerAddress);
  const shown = { dryRun, clusterName, brokerName, brokerId };
  if (dryRun) {
    return { ...shown, masterAddress: null, masterEpoch: null, syncStateSetEpoch: null, brokerAddrs: [] };
  }
  const extFields = { clusterName, brokerName, brokerId: String(brokerId), designateElect: 'true' };
  const { extFields: answer, body } = await admin.ask(leader, { code: RequestCode.CONTROLLER_ELECT_MASTER, extFields });
  const { masterAddress = null, masterEpoch, syncStateSetEpoch } = answer ?? {};
  const numberOf = (text: string | undefined): number | null => (text === undefined ? null : Number(text));
  return {
    ...shown,
    masterAddress,
    masterEpoch: numberOf(masterEpoch),
    syncStateSetEpoch: numberOf(syncStateSetEpoch),
    brokerAddrs: body === null || body.length === 0 ? [] : membersIn(body),
  };
}

function membersIn(body: Buffer): [number, string][] {
  const group = parseBody(body, 'BrokerMemberGroup');
  if (!isObject(group.brokerAddrs)) {
    return [];
  }
  const members = numberMap(group, 'brokerAddrs', (addr) => {
    if (typeof addr !== 'string') {
      throw new ProtocolError('body field brokerAddrs has an address that is no text', { code: 'BODY_MALFORMED' });
    }
    return addr;
  });
  return [...members].sort((a, b) => a[0] - b[0]);
}

export interface CleanBrokerMetadataRequest {
  readonly controllerAddress: string;
  readonly brokerName: string;
  /** Needed unless living brokers go too. */
  readonly clusterName?: string | undefined;
  /** All when absent. */
  readonly brokerIds?: readonly number[] | undefined;
  readonly cleanLivingBroker: boolean;
  readonly dryRun?: boolean;
}

export interface CleanBrokerMetadataResult {
  readonly dryRun: boolean;
  readonly brokerName: string;
  readonly brokerIds: readonly number[] | null;
}

/** Has the controller forget copies of a broker. */
export async function cleanBrokerMetadata(admin: AdminClient, request: CleanBrokerMetadataRequest): Promise<CleanBrokerMetadataResult> {
  const { controllerAddress, brokerName, clusterName, brokerIds, cleanLivingBroker, dryRun = false } = request;
  if (!cleanLivingBroker && (clusterName ?? '') === '') {
    throw new UsageError('cleanLivingBroker option is false, clusterName option can not be empty.', {
      hint: 'give the cluster with -c, --clusterName',
    });
  }
  const leader = await leaderOf(admin, controllerAddress);
  if (!dryRun) {
    const extFields = {
      brokerName,
      isCleanLivingBroker: String(cleanLivingBroker),
      ...(clusterName === undefined ? {} : { clusterName }),
      ...(brokerIds === undefined ? {} : { brokerControllerIdsToClean: brokerIds.join(';') }),
    };
    await admin.ask(leader, { code: RequestCode.CLEAN_BROKER_DATA, extFields });
  }
  return { dryRun, brokerName, brokerIds: brokerIds ?? null };
}
