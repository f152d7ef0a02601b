import { DeniedError, MQError, NotFoundError, UsageError } from '../../../common/errors.js';
import { type JsonObject, parseFastjsonObject } from '../../../common/fastjson.js';
import { isDlqTopic, isRetryTopic, isSystemGroup, isSystemTopic } from '../../../common/topic-names.js';
import { decodeAclList, decodeUserList } from '../../../remoting/bodies/auth.js';
import { toSubscriptionGroupConfig } from '../../../remoting/bodies/subscription-group.js';
import { decodeKVTable, decodeTopicList, toTopicConfig } from '../../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../remoting/codes.js';
import { type AdminClient, bodyOf, type ClusterBroker } from '../admin-client.js';
import { askAll, requireAll } from '../fan-out.js';
import { nodeName } from '../node-name.js';
import { aclConfigs } from '../plain-acl.js';
import { ORDER_TOPIC_CONFIG } from '../update-topic.js';
import { type Fields, type FieldValue, type Kind, NAME_SEPARATOR, WHOLE } from './kinds.js';

/** A broker or name server that keeps things of a kind. */
export interface LiveNode {
  /** brokerName, with the id behind it for a slave; the address of a name server. */
  readonly name: string;
  readonly addr: string;
}

/** All things of a kind on the nodes that keep them. */
export interface LiveKind {
  readonly nodes: readonly LiveNode[];
  /** By name, then by the address of the node. */
  readonly things: ReadonlyMap<string, ReadonlyMap<string, Fields>>;
  /** Names that belong to the system: retry and dead-letter topics too. */
  readonly system: ReadonlySet<string>;
  /** Settings as they came, where a change sends them back with what is not declared: by address and name. */
  readonly raw: ReadonlyMap<string, JsonObject>;
  /** Why the nodes keep none of this kind. */
  readonly unavailable?: string;
}

export interface LiveCluster {
  readonly clusterName: string;
  /** Broker names of which no master is registered: what they have is not known. */
  readonly withoutMaster: readonly string[];
  readonly kinds: ReadonlyMap<Kind, LiveKind>;
}

export interface ReadLiveOptions {
  readonly clusterName: string;
  readonly kinds: readonly Kind[];
  /** Namespaces of `kv`: name servers do not tell which they have. */
  readonly namespaces: readonly string[];
}

/** The cluster that is meant: the named one, else the file's where the name servers know it, else their only one. */
export async function findCluster(admin: AdminClient, named: string | undefined, ofFile?: string): Promise<string> {
  const known = [...(await admin.clusterInfo()).clusterAddrTable.keys()].sort();
  const wanted = named ?? (ofFile !== undefined && known.includes(ofFile) ? ofFile : known.length === 1 ? known[0] : undefined);
  if (wanted === undefined) {
    if (known.length === 0) {
      throw new NotFoundError(`no broker is registered on ${admin.namesrv.addresses.join(';')}`, { code: 'CLUSTER_NOT_EXIST' });
    }
    throw new UsageError(`which cluster is meant? give one of ${known.join(', ')} with -c, --clusterName`);
  }
  return wanted;
}

/** Reads what a cluster has. @throws PartialError, or the error itself, when a node does not answer: a part would look like a difference */
export async function readLive(admin: AdminClient, options: ReadLiveOptions): Promise<LiveCluster> {
  const brokers = await admin.clusterBrokers(options.clusterName);
  const masters = await admin.clusterMasters(options.clusterName);
  const led = new Set(masters.map(({ brokerName }) => brokerName));
  const withoutMaster = [...new Set(brokers.map(({ brokerName }) => brokerName))].filter((name) => !led.has(name));
  const kinds = await Promise.all(
    options.kinds.map(async (kind): Promise<[Kind, LiveKind]> => [kind, await READERS[kind](admin, { masters, brokers, options })]),
  );
  return { clusterName: options.clusterName, withoutMaster, kinds: new Map(kinds) };
}

interface Nodes {
  readonly masters: readonly ClusterBroker[];
  readonly brokers: readonly ClusterBroker[];
  readonly options: ReadLiveOptions;
}

const READERS: Readonly<Record<Kind, (admin: AdminClient, nodes: Nodes) => Promise<LiveKind>>> = {
  topic: async (admin, { masters, options }) => {
    const system = new Set<string>([options.clusterName, ...masters.map(({ brokerName }) => brokerName)]);
    const live = await readNodes(brokerNodes(masters), 'topics', async (addr) => {
      const [configs, systemTopics] = await Promise.all([
        admin.ask(addr, { code: RequestCode.GET_ALL_TOPIC_CONFIG }),
        admin.ask(addr, { code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER }, [ResponseCode.REQUEST_CODE_NOT_SUPPORTED]),
      ]);
      for (const topic of systemTopics.code === ResponseCode.SUCCESS ? decodeTopicList(bodyOf(systemTopics)).topicList : []) {
        system.add(topic);
      }
      const body = bodyOf(configs);
      // Static topics are changed by commands of their own.
      for (const topic of Object.keys(parseFastjsonObject(body, 'topics').topicQueueMappingDetailMap ?? {})) {
        system.add(topic);
      }
      return tableOf(body, 'topicConfigTable', topicFields);
    });
    for (const topic of live.things.keys()) {
      if (isSystemTopic(topic) || isRetryTopic(topic) || isDlqTopic(topic)) {
        system.add(topic);
      }
    }
    return { ...live, system };
  },
  group: async (admin, { masters }) => {
    const raw = new Map<string, JsonObject>();
    const live = await readNodes(brokerNodes(masters), 'groups', async (addr) => {
      const body = bodyOf(await admin.ask(addr, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG }));
      return tableOf(body, 'subscriptionGroupTable', (object, name) => {
        raw.set(rawKey(addr, name), object);
        return groupFields(object);
      });
    });
    return { ...live, raw, system: new Set([...live.things.keys()].filter(isSystemGroup)) };
  },
  kv: async (admin, { options }) =>
    readNodes(namesrvNodes(admin), 'entries', async (addr) => {
      const tables = await Promise.all(
        options.namespaces.map(async (namespace) =>
          [...(await namespaceOf(admin, addr, namespace))].map(([key, value]): [string, Fields] => [
            `${namespace}${NAME_SEPARATOR}${key}`,
            { value },
          ]),
        ),
      );
      return new Map(tables.flat());
    }),
  orderConf: async (admin) =>
    readNodes(namesrvNodes(admin), 'order configurations', async (addr) => {
      const table = await namespaceOf(admin, addr, ORDER_TOPIC_CONFIG);
      return new Map([...table].map(([topic, value]): [string, Fields] => [topic, { value }]));
    }),
  user: async (admin, { brokers }) =>
    whereKept(brokerNodes(brokers), () =>
      readNodes(brokerNodes(brokers), 'users', async (addr) => {
        const users = decodeUserList(bodyOf(await admin.ask(addr, { code: RequestCode.AUTH_LIST_USER })));
        return new Map(users.map(({ username, ...fields }): [string, Fields] => [username, given(fields)]));
      }),
    ),
  acl: async (admin, { brokers }) =>
    whereKept(brokerNodes(brokers), () =>
      readNodes(brokerNodes(brokers), 'rules', async (addr) => {
        const acls = decodeAclList(bodyOf(await admin.ask(addr, { code: RequestCode.AUTH_LIST_ACL })));
        const rules = acls.flatMap(({ subject, policies }) =>
          policies.flatMap(({ entries }) =>
            entries.map(({ resource, actions, decision, sourceIps }): [string, Fields] => [
              `${subject}${NAME_SEPARATOR}${resource}`,
              given({ actions, decision, sourceIps: sourceIps?.length ? sourceIps : null }),
            ]),
          ),
        );
        return new Map(rules);
      }),
    ),
  account: async (admin, { masters }) =>
    whereKept(brokerNodes(masters), () =>
      readNodes(brokerNodes(masters), 'accounts', async (addr) => {
        const { brokers } = await aclConfigs(admin, { brokerAddr: addr });
        const accounts = brokers[0]?.plainAccessConfigs ?? [];
        return new Map(accounts.map(({ accessKey, ...fields }): [string, Fields] => [accessKey, given({ ...fields })]));
      }),
    ),
  whiteAddrs: async (admin, { masters }) =>
    whereKept(brokerNodes(masters), () =>
      readNodes(brokerNodes(masters), 'addresses', async (addr) => {
        const { brokers } = await aclConfigs(admin, { brokerAddr: addr });
        return new Map([[WHOLE, { value: [...(brokers[0]?.globalWhiteAddrs ?? [])] }]]);
      }),
    ),
};

export function rawKey(addr: string, name: string): string {
  return `${addr} ${name}`;
}

function brokerNodes(brokers: readonly ClusterBroker[]): LiveNode[] {
  return brokers.map((broker) => ({ name: nodeName(broker), addr: broker.brokerAddr }));
}

function namesrvNodes(admin: AdminClient): LiveNode[] {
  return admin.namesrv.addresses.map((addr) => ({ name: addr, addr }));
}

async function readNodes(
  nodes: readonly LiveNode[],
  what: string,
  read: (addr: string) => Promise<ReadonlyMap<string, Fields>>,
): Promise<LiveKind> {
  const results = await askAll(
    nodes.map((node) => node.addr),
    read,
  );
  requireAll(results, `reading the ${what}`, undefined);
  const things = new Map<string, Map<string, Fields>>();
  for (const { addr, value } of results) {
    for (const [name, fields] of value ?? []) {
      const byAddr = things.get(name) ?? new Map<string, Fields>();
      things.set(name, byAddr.set(addr, fields));
    }
  }
  return { nodes, things: new Map([...things].sort(([a], [b]) => (a < b ? -1 : 1))), system: new Set(), raw: new Map() };
}

/** Brokers without access control answer the question with an error of their own; a refusal and silence stay errors. */
async function whereKept(nodes: readonly LiveNode[], read: () => Promise<LiveKind>): Promise<LiveKind> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MQError && error.category === 'broker' && !(error instanceof DeniedError)) {
      return { nodes, things: new Map(), system: new Set(), raw: new Map(), unavailable: error.message };
    }
    throw error;
  }
}

async function namespaceOf(admin: AdminClient, addr: string, namespace: string): Promise<ReadonlyMap<string, string>> {
  const request = { code: RequestCode.GET_KVLIST_BY_NAMESPACE, extFields: { namespace } };
  const response = await admin.ask(addr, request, [ResponseCode.QUERY_NOT_FOUND]);
  return response.code === ResponseCode.SUCCESS ? decodeKVTable(bodyOf(response)).table : new Map();
}

function tableOf(body: Buffer, key: string, fieldsOf: (object: JsonObject, name: string) => Fields): Map<string, Fields> {
  const table = (parseFastjsonObject(body, key)[key] ?? {}) as Record<string, JsonObject>;
  return new Map(Object.entries(table).map(([name, object]) => [name, fieldsOf(object, name)]));
}

function topicFields(object: JsonObject): Fields {
  const { topicName: _, attributes, ...fields } = toTopicConfig(object);
  return { ...fields, attributes: Object.fromEntries(attributes) };
}

function groupFields(object: JsonObject): Fields {
  const { groupName: _, subscriptionDataSet: __, attributes, groupRetryPolicy, ...fields } = toSubscriptionGroupConfig(object);
  return { ...fields, groupRetryPolicy: withoutNulls(groupRetryPolicy), attributes: Object.fromEntries(attributes) };
}

function withoutNulls(object: JsonObject): { [key: string]: FieldValue } {
  const entries = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      typeof value === 'object' && !Array.isArray(value) ? withoutNulls(value as JsonObject) : (value as FieldValue),
    ]),
  );
}

/** The fields that are set. */
function given(fields: Readonly<Record<string, FieldValue | null | undefined>>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as Fields;
}
