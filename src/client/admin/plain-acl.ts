import { UsageError } from '../../common/errors.js';
import { type JsonObject, parseFastjsonObject } from '../../common/fastjson.js';
import { decodeDataVersion } from '../../remoting/bodies/data-version.js';
import { flag, objects, optionalText, texts } from '../../remoting/bodies/reader.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { type BrokerTarget, targetAddrs } from './broker-change.js';
import { askAll, requireAll } from './fan-out.js';

/** An account of the access configuration (plain_acl.yml) of 4.x. Fields as on the wire; null is not set. */
export interface PlainAccessConfig {
  readonly accessKey: string;
  readonly secretKey: string | null;
  readonly whiteRemoteAddress: string | null;
  readonly admin: boolean;
  readonly defaultTopicPerm: string | null;
  readonly defaultGroupPerm: string | null;
  /** As `topicA=DENY`. */
  readonly topicPerms: readonly string[] | null;
  readonly groupPerms: readonly string[] | null;
}

/** Makes an account, or changes what is given of it. */
export function putAccountRequest(account: PlainAccessConfig): RequestInit {
  const { accessKey, secretKey, whiteRemoteAddress, admin, defaultTopicPerm, defaultGroupPerm, topicPerms, groupPerms } = account;
  if (accessKey.length <= 6 || (secretKey !== null && secretKey.length <= 6)) {
    throw new UsageError('an access key and a secret key have more than 6 characters');
  }
  const fields = {
    accessKey,
    secretKey,
    whiteRemoteAddress,
    admin: String(admin),
    defaultTopicPerm,
    defaultGroupPerm,
    topicPerms: topicPerms?.join(',') ?? null,
    groupPerms: groupPerms?.join(',') ?? null,
  };
  const given = Object.entries(fields).flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]));
  return { code: RequestCode.UPDATE_AND_CREATE_ACL_CONFIG, extFields: Object.fromEntries(given) };
}

export function deleteAccountRequest(accessKey: string): RequestInit {
  return { code: RequestCode.DELETE_ACL_CONFIG, extFields: { accessKey } };
}

/** Replaces the addresses that need no key. */
export function globalWhiteAddrsRequest(globalWhiteAddrs: string, aclFileFullPath: string | undefined): RequestInit {
  const extFields = { globalWhiteAddrs, ...(aclFileFullPath === undefined ? {} : { aclFileFullPath }) };
  return { code: RequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG, extFields };
}

export interface AclVersionRow {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly aclFilePath: string;
  readonly counter: number;
  readonly timestamp: number;
}

/** Which versions of access files the masters have. */
export async function aclVersions(admin: AdminClient, target: BrokerTarget): Promise<{ readonly files: readonly AclVersionRow[] }> {
  const results = await askAll(await targetAddrs(admin, target, 'masters'), async (addr) => {
    const { extFields } = await admin.ask(addr, { code: RequestCode.GET_BROKER_CLUSTER_ACL_INFO });
    const { clusterName = '', brokerName = '', brokerAddr = addr, allAclFileVersion = '{}' } = extFields ?? {};
    return Object.entries(parseFastjsonObject(allAclFileVersion, 'allAclFileVersion')).map(([aclFilePath, version]) => {
      const { counter, timestamp } = decodeDataVersion(JSON.stringify(version));
      return { clusterName, brokerName, brokerAddr, aclFilePath, counter: Number(counter), timestamp: Number(timestamp) };
    });
  });
  const files = results.flatMap(({ value }) => value ?? []);
  requireAll(results, 'clusterAclConfigVersion', { files });
  return { files };
}

export interface AclConfigResult {
  readonly brokers: readonly {
    readonly brokerAddr: string;
    readonly globalWhiteAddrs: readonly string[];
    readonly plainAccessConfigs: readonly PlainAccessConfig[];
  }[];
}

/** The whole access configuration of the masters, with its secrets. */
export async function aclConfigs(admin: AdminClient, target: BrokerTarget): Promise<AclConfigResult> {
  const results = await askAll(await targetAddrs(admin, target, 'masters'), async (addr) => {
    const response = await admin.ask(addr, { code: RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG });
    const object = parseFastjsonObject(bodyOf(response), 'the access configuration');
    return { globalWhiteAddrs: texts(object, 'globalWhiteAddrs'), plainAccessConfigs: objects(object, 'plainAccessConfigs', toAccount) };
  });
  const brokers = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ brokerAddr: addr, ...value }]));
  requireAll(results, 'getAclConfig', { brokers });
  return { brokers };
}

function toAccount(object: JsonObject): PlainAccessConfig {
  const list = (key: string): string[] | null => (object[key] == null ? null : texts(object, key));
  return {
    accessKey: optionalText(object, 'accessKey') ?? '',
    secretKey: optionalText(object, 'secretKey') ?? null,
    whiteRemoteAddress: optionalText(object, 'whiteRemoteAddress') ?? null,
    admin: flag(object, 'admin'),
    defaultTopicPerm: optionalText(object, 'defaultTopicPerm') ?? null,
    defaultGroupPerm: optionalText(object, 'defaultGroupPerm') ?? null,
    topicPerms: list('topicPerms'),
    groupPerms: list('groupPerms'),
  };
}
