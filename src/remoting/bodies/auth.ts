/* Bodies of users and access rules (3001 to 3010): UserInfo and AclInfo of 5.3, single and in lists. Names as in Java. */

import { ProtocolError } from '../../common/errors.js';
import { type JsonObject, parseFastjson } from '../../common/fastjson.js';
import { isObject, objects, optionalText, parseBody, text, texts, writeBody } from './reader.js';

export interface UserInfo {
  username: string;
  password?: string;
  /** Super or Normal. */
  userType?: string;
  /** enable or disable. */
  userStatus?: string;
}

export interface PolicyEntryInfo {
  resource: string;
  actions: string[];
  /** Null: from everywhere. */
  sourceIps: string[] | null;
  /** Allow or Deny. */
  decision: string;
}

export interface PolicyInfo {
  /** Custom or Default; null leaves it to the broker. */
  policyType: string | null;
  entries: PolicyEntryInfo[];
}

export interface AclInfo {
  /** `User:name`. */
  subject: string;
  policies: PolicyInfo[];
}

export function encodeUserInfo(user: UserInfo): Buffer {
  return writeBody(user);
}

export function encodeAclInfo(acl: AclInfo): Buffer {
  return writeBody(acl);
}

/** A user; null where the answer has no body: there is none of that name. */
export function decodeUserInfo(body: Uint8Array): UserInfo | null {
  return body.length === 0 ? null : toUser(parseBody(body, 'UserInfo'));
}

/** The rules of a subject; null where the answer has no body: it has none. */
export function decodeAclInfo(body: Uint8Array): AclInfo | null {
  return body.length === 0 ? null : toAcl(parseBody(body, 'AclInfo'));
}

export function decodeUserList(body: Uint8Array): UserInfo[] {
  return listOf(body, 'users').map(toUser);
}

export function decodeAclList(body: Uint8Array): AclInfo[] {
  return listOf(body, 'access rules').map(toAcl);
}

function listOf(body: Uint8Array, what: string): JsonObject[] {
  if (body.length === 0) {
    return [];
  }
  const list = parseFastjson(body);
  if (!Array.isArray(list) || !list.every((entry) => isObject(entry))) {
    throw new ProtocolError(`the list of ${what} is not a JSON array of objects`, { code: 'BODY_MALFORMED' });
  }
  return list;
}

function toUser(object: JsonObject): UserInfo {
  const user: UserInfo = { username: text(object, 'username') };
  for (const key of ['password', 'userType', 'userStatus'] as const) {
    const value = optionalText(object, key);
    if (value !== undefined) {
      user[key] = value;
    }
  }
  return user;
}

function toAcl(object: JsonObject): AclInfo {
  return {
    subject: text(object, 'subject'),
    policies: objects(object, 'policies', (policy) => ({
      policyType: optionalText(policy, 'policyType') ?? null,
      entries: objects(policy, 'entries', (entry) => ({
        resource: text(entry, 'resource'),
        actions: texts(entry, 'actions'),
        sourceIps: entry.sourceIps == null ? null : texts(entry, 'sourceIps'),
        decision: text(entry, 'decision'),
      })),
    })),
  };
}
