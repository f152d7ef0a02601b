import { stringifyFastjson } from '../../../common/fastjson.js';
import { dlqTopic, retryTopic } from '../../../common/topic-names.js';
import { encodeUserInfo } from '../../../remoting/bodies/auth.js';
import { RequestCode } from '../../../remoting/codes.js';
import type { RequestInit } from '../../../remoting/command.js';
import type { AdminClient } from '../admin-client.js';
import { createAclRequest, deleteAclRequest } from '../auth-acls.js';
import { deleteAccountRequest, globalWhiteAddrsRequest, type PlainAccessConfig, putAccountRequest } from '../plain-acl.js';
import { ORDER_TOPIC_CONFIG, sendTopicConfig } from '../update-topic.js';
import type { NodeChange } from './compare.js';
import { defaultsOf } from './compare.js';
import { type Fields, isSecret, type Kind, MASK, NAME_SEPARATOR } from './kinds.js';
import { type LiveCluster, rawKey } from './read-live.js';

/** One change of one thing on one node. */
export interface SentChange {
  readonly kind: Kind;
  readonly name: string;
  readonly node: NodeChange;
  /** What the node has of it. */
  readonly has: Fields | undefined;
  /** What is declared; null where it is to be absent. */
  readonly declared: Fields | null;
  readonly live: LiveCluster;
}

/** Sends a change to its node: all settings, since nodes replace what they have. */
export async function sendChange(admin: AdminClient, change: SentChange): Promise<void> {
  const { node, declared } = change;
  if (node.action === 'delete' || declared === null) {
    for (const request of deletionsOf(change)) {
      await admin.ask(node.addr, request);
    }
    return;
  }
  await SENDERS[change.kind](admin, change, settingsOf(change, declared));
}

/** What is declared, over what the node has, or over what a new thing gets. */
function settingsOf({ kind, has }: SentChange, declared: Fields): Fields {
  // Of a user that is there, what is not sent stays: a password that is told may be a hash of it.
  const settings: Record<string, Fields[string]> = { ...(has === undefined ? defaultsOf(kind) : kind === 'user' ? {} : has) };
  for (const [field, value] of Object.entries(declared)) {
    if (!(isSecret(kind, field) && value === MASK)) {
      settings[field] = value;
    }
  }
  return settings;
}

type Sender = (admin: AdminClient, change: SentChange, settings: Fields) => Promise<void>;

const SENDERS: Readonly<Record<Kind, Sender>> = {
  topic: (admin, { name, node, has }, settings) =>
    sendTopicConfig(admin, node.addr, {
      ...(settings as unknown as Parameters<typeof sendTopicConfig>[2]),
      topicName: name,
      attributes: attributeChanges(has, settings),
    }),
  group: async (admin, { name, node, has, live }, settings) => {
    const former = live.kinds.get('group')?.raw.get(rawKey(node.addr, name));
    const body = stringifyFastjson({ ...former, ...settings, groupName: name, attributes: attributeChanges(has, settings) });
    await admin.ask(node.addr, { code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body: Buffer.from(body, 'utf8') });
  },
  kv: async (admin, { name, node }, { value }) => {
    await admin.ask(node.addr, { code: RequestCode.PUT_KV_CONFIG, extFields: { ...kvKey(name), value: String(value) } });
  },
  orderConf: async (admin, { name, node }, { value }) => {
    const extFields = { namespace: ORDER_TOPIC_CONFIG, key: name, value: String(value) };
    await admin.ask(node.addr, { code: RequestCode.PUT_KV_CONFIG, extFields });
  },
  user: async (admin, { name: username, node, has }, settings) => {
    // A user that is made is enabled, whatever the request says.
    const change = { code: RequestCode.AUTH_UPDATE_USER, extFields: { username }, body: encodeUserInfo({ username, ...settings }) };
    if (has === undefined) {
      await admin.ask(node.addr, { ...change, code: RequestCode.AUTH_CREATE_USER });
    }
    if (has !== undefined || settings.userStatus === 'disable') {
      await admin.ask(node.addr, change);
    }
  },
  acl: async (admin, { name, node }, settings) => {
    const at = name.indexOf(NAME_SEPARATOR);
    const [subject, resource] = [name.slice(0, at), name.slice(at + 1)];
    const { actions, decision, sourceIps } = settings as { actions: string[]; decision: string; sourceIps?: string[] };
    const rule = { subject, resources: [resource], actions, decision, sourceIps: sourceIps?.length ? sourceIps : undefined };
    // Rules of other resources stay; that of the same one is replaced.
    await admin.ask(node.addr, createAclRequest(rule));
  },
  account: async (admin, { name: accessKey, node }, settings) => {
    // What is empty is not sent: brokers of 4.9 refuse it.
    const set = Object.entries(settings).filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0));
    const unset = { secretKey: null, whiteRemoteAddress: null, admin: false, defaultTopicPerm: null, defaultGroupPerm: null };
    const account = { ...unset, topicPerms: null, groupPerms: null, ...Object.fromEntries(set), accessKey } as PlainAccessConfig;
    await admin.ask(node.addr, putAccountRequest(account));
  },
  whiteAddrs: async (admin, { node }, { value }) => {
    await admin.ask(node.addr, globalWhiteAddrsRequest((value as string[]).join(','), undefined));
  },
};

/** Attributes as they are sent: `+key` with its value for those that are new or different, `-key` for those that go. */
function attributeChanges(has: Fields | undefined, settings: Fields): Record<string, string> {
  const former = (has?.attributes ?? {}) as Record<string, string>;
  const wanted = (settings.attributes ?? {}) as Record<string, string>;
  const changes: Record<string, string> = {};
  for (const [key, value] of Object.entries(wanted)) {
    if (former[key] !== value) {
      changes[`+${key}`] = value;
    }
  }
  for (const key of Object.keys(former)) {
    if (!Object.hasOwn(wanted, key)) {
      changes[`-${key}`] = '';
    }
  }
  return changes;
}

function kvKey(name: string): { namespace: string; key: string } {
  const at = name.indexOf(NAME_SEPARATOR);
  return { namespace: name.slice(0, at), key: name.slice(at + 1) };
}

function deletionsOf({ kind, name }: SentChange): RequestInit[] {
  const at = name.indexOf(NAME_SEPARATOR);
  switch (kind) {
    case 'topic':
      return [{ code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic: name } }];
    case 'group':
      return [
        // 5.x reads cleanOffset, 4.9 removeOffset.
        { code: RequestCode.DELETE_SUBSCRIPTIONGROUP, extFields: { groupName: name, cleanOffset: 'false', removeOffset: 'false' } },
        ...topicsOfGroup(name).map((topic) => ({ code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic } })),
      ];
    case 'kv':
      return [{ code: RequestCode.DELETE_KV_CONFIG, extFields: kvKey(name) }];
    case 'orderConf':
      return [{ code: RequestCode.DELETE_KV_CONFIG, extFields: { namespace: ORDER_TOPIC_CONFIG, key: name } }];
    case 'user':
      return [{ code: RequestCode.AUTH_DELETE_USER, extFields: { username: name } }];
    case 'acl':
      return [deleteAclRequest({ subject: name.slice(0, at), resource: name.slice(at + 1) })];
    case 'account':
      return [deleteAccountRequest(name)];
    default:
      return [globalWhiteAddrsRequest('', undefined)];
  }
}

function topicsOfGroup(group: string): string[] {
  return [retryTopic(group), dlqTopic(group)];
}

/** What no broker has any more is taken out of the name servers' routes. */
export async function sendGone<R>(
  admin: AdminClient,
  { kind, name, clusterName }: { kind: Kind; name: string; clusterName: string },
  attempt: (addr: string, node: string, work: () => Promise<void>) => Promise<R>,
): Promise<R[]> {
  const topics = kind === 'topic' ? [name] : kind === 'group' ? topicsOfGroup(name) : [];
  if (topics.length === 0) {
    return [];
  }
  return Promise.all(
    admin.namesrv.addresses.map((addr) =>
      attempt(addr, addr, async () => {
        for (const topic of topics) {
          await admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_NAMESRV, extFields: { topic, clusterName } });
        }
      }),
    ),
  );
}
