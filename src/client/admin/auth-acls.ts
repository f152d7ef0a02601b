import { NotFoundError, UsageError } from '../../common/errors.js';
import { type AclInfo, decodeAclInfo, decodeAclList, encodeAclInfo } from '../../remoting/bodies/auth.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { oneOf } from './auth-users.js';
import { type BrokerTarget, targetAddrs } from './broker-change.js';
import { askAll, requireAll } from './fan-out.js';

const ACTIONS = ['All', 'Any', 'Pub', 'Sub', 'Create', 'Update', 'Delete', 'Get', 'List'];
const DECISIONS = ['Allow', 'Deny'];

/** One rule for each resource of a subject. */
export interface AclRule {
  /** `User:name`. */
  readonly subject: string;
  /** `Topic:name`, `Group:name`, `Cluster:name`, with `*` at the end for all that begin so. */
  readonly resources: readonly string[];
  readonly actions: readonly string[];
  readonly sourceIps?: readonly string[] | undefined;
  readonly decision: string;
}

function aclOf(rule: AclRule): AclInfo {
  requireSubject(rule.subject);
  const actions = rule.actions.map((action) => oneOf(action, ACTIONS, '-a, --actions'));
  const decision = oneOf(rule.decision, DECISIONS, '-d, --decision');
  const sourceIps = rule.sourceIps === undefined ? null : [...rule.sourceIps];
  return {
    subject: rule.subject,
    policies: [{ policyType: null, entries: rule.resources.map((resource) => ({ resource, actions, sourceIps, decision })) }],
  };
}

function requireSubject(subject: string): void {
  if (!/^User:./i.test(subject)) {
    throw new UsageError(`-s, --subject expects User:name, got "${subject}"`);
  }
}

/** Makes the first rules of a subject. */
export function createAclRequest(rule: AclRule): RequestInit {
  return { code: RequestCode.AUTH_CREATE_ACL, extFields: { subject: rule.subject }, body: encodeAclInfo(aclOf(rule)) };
}

/** Adds rules to a subject, or replaces those of the same resources. */
export function updateAclRequest(rule: AclRule): RequestInit {
  return { code: RequestCode.AUTH_UPDATE_ACL, extFields: { subject: rule.subject }, body: encodeAclInfo(aclOf(rule)) };
}

/** Takes away the rules of a subject, or of one of its resources. */
export function deleteAclRequest({ subject, resource }: { subject: string; resource?: string | undefined }): RequestInit {
  requireSubject(subject);
  return { code: RequestCode.AUTH_DELETE_ACL, extFields: { subject, ...(resource === undefined ? {} : { resource }) } };
}

async function findAcl(admin: AdminClient, brokerAddr: string, subject: string): Promise<AclInfo | null> {
  return decodeAclInfo(bodyOf(await admin.ask(brokerAddr, { code: RequestCode.AUTH_GET_ACL, extFields: { subject } })));
}

interface AclFilter {
  readonly subjectFilter?: string | undefined;
  readonly resourceFilter?: string | undefined;
}

async function aclsOf(admin: AdminClient, brokerAddr: string, { subjectFilter, resourceFilter }: AclFilter): Promise<AclInfo[]> {
  const extFields = {
    ...(subjectFilter === undefined ? {} : { subjectFilter }),
    ...(resourceFilter === undefined ? {} : { resourceFilter }),
  };
  return decodeAclList(bodyOf(await admin.ask(brokerAddr, { code: RequestCode.AUTH_LIST_ACL, extFields })));
}

export interface AclsResult {
  /** Each broker that was asked; an empty list where it has no such rules. */
  readonly brokers: readonly { readonly brokerAddr: string; readonly acls: readonly AclInfo[] }[];
}

/** Rules of one broker, or of the masters of a cluster. */
export async function listAcls(admin: AdminClient, target: BrokerTarget & AclFilter): Promise<AclsResult> {
  return fromMasters(admin, target, 'listAcl', (addr) => aclsOf(admin, addr, target));
}

/** The rules of one subject on one broker, or on the masters of a cluster. A subject that a broker does not know is its error. */
export async function getAcl(admin: AdminClient, target: BrokerTarget & { subject: string }): Promise<AclsResult> {
  requireSubject(target.subject);
  return fromMasters(admin, target, `getAcl ${target.subject}`, async (addr) => {
    const acl = await findAcl(admin, addr, target.subject);
    return acl === null ? [] : [acl];
  });
}

async function fromMasters(
  admin: AdminClient,
  target: BrokerTarget,
  what: string,
  read: (addr: string) => Promise<AclInfo[]>,
): Promise<AclsResult> {
  const results = await askAll(await targetAddrs(admin, target, 'masters'), read);
  const brokers = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ brokerAddr: addr, acls: value }]));
  requireAll(results, what, { brokers });
  return { brokers };
}

export interface CopyAclsResult {
  readonly dryRun: boolean;
  readonly fromBroker: string;
  readonly toBroker: string;
  /** `update`: the target had rules of that subject. */
  readonly subjects: readonly { readonly subject: string; readonly change: 'create' | 'update' }[];
}

/** Copies rules from one broker to another, all of them when no subject is named. The target must know the users. */
export async function copyAcls(
  admin: AdminClient,
  request: { fromBroker: string; toBroker: string; subjects?: readonly string[] | undefined; dryRun?: boolean },
): Promise<CopyAclsResult> {
  const { fromBroker, toBroker, subjects: names, dryRun = false } = request;
  const found =
    names === undefined
      ? await aclsOf(admin, fromBroker, {})
      : await Promise.all(names.map((subject) => findAcl(admin, fromBroker, subject)));
  const subjects: { subject: string; change: 'create' | 'update' }[] = [];
  for (const acl of found) {
    if (acl === null) {
      continue;
    }
    const { subject } = acl;
    const change = (await findAcl(admin, toBroker, subject)) === null ? 'create' : 'update';
    if (!dryRun) {
      const code = change === 'create' ? RequestCode.AUTH_CREATE_ACL : RequestCode.AUTH_UPDATE_ACL;
      await admin.ask(toBroker, { code, extFields: { subject }, body: encodeAclInfo(acl) });
    }
    subjects.push({ subject, change });
  }
  const result: CopyAclsResult = { dryRun, fromBroker, toBroker, subjects };
  const missing = (names ?? []).filter((_, i) => found[i] === null);
  if (missing.length > 0) {
    throw new NotFoundError(`no rules of ${missing.join(', ')} on ${fromBroker}`, {
      code: 'POLICY_NOT_EXIST',
      hint: 'see whose there are: mqadmin listAcl',
      context: { result },
    });
  }
  return result;
}
