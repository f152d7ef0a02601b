import { NotFoundError, UsageError } from '../../common/errors.js';
import { decodeUserInfo, decodeUserList, encodeUserInfo, type UserInfo } from '../../remoting/bodies/auth.js';
import { RequestCode } from '../../remoting/codes.js';
import type { RequestInit } from '../../remoting/command.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { type BrokerChangeResult, type BrokerTarget, targetAddrs } from './broker-change.js';
import { askAll, outcomes, planned, requireAll } from './fan-out.js';

const USER_TYPES = ['Super', 'Normal'];
const USER_STATUS = ['enable', 'disable'];

/** Whether brokers know the type of user. */
export function isUserType(word: string): boolean {
  return USER_TYPES.includes(word);
}

/** One of a list of words, in the spelling of the list. @throws UsageError for any other word */
export function oneOf(value: string, words: readonly string[], label: string): string {
  const word = words.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
  if (word === undefined) {
    throw new UsageError(`${label} expects ${words.join(', ')}, got "${value}"`);
  }
  return word;
}

/** Makes a user. Apache's brokers take a type that they do not know for Normal: here it is an error. */
export function createUserRequest(user: { username: string; password: string; userType?: string | undefined }): RequestInit {
  const { username, password, userType = 'Normal' } = user;
  const body = encodeUserInfo({ username, password, userType: oneOf(userType, USER_TYPES, '-t, --userType') });
  return { code: RequestCode.AUTH_CREATE_USER, extFields: { username }, body };
}

/** Changes what is given of a user. */
export function updateUserRequest(user: {
  username: string;
  password?: string | undefined;
  userType?: string | undefined;
  userStatus?: string | undefined;
}): RequestInit {
  const { username, password, userType, userStatus } = user;
  const body = encodeUserInfo({
    username,
    ...(password === undefined ? {} : { password }),
    ...(userType === undefined ? {} : { userType: oneOf(userType, USER_TYPES, '-t, --userType') }),
    ...(userStatus === undefined ? {} : { userStatus: oneOf(userStatus, USER_STATUS, '-s, --userStatus') }),
  });
  return { code: RequestCode.AUTH_UPDATE_USER, extFields: { username }, body };
}

async function findUser(admin: AdminClient, brokerAddr: string, username: string): Promise<UserInfo | null> {
  return decodeUserInfo(bodyOf(await admin.ask(brokerAddr, { code: RequestCode.AUTH_GET_USER, extFields: { username } })));
}

async function usersOf(admin: AdminClient, brokerAddr: string, filter: string | undefined): Promise<UserInfo[]> {
  const extFields = filter === undefined ? {} : { filter };
  return decodeUserList(bodyOf(await admin.ask(brokerAddr, { code: RequestCode.AUTH_LIST_USER, extFields })));
}

export interface DeleteUserResult extends BrokerChangeResult {
  readonly username: string;
  /** Whether one of the brokers had the user before. */
  readonly existed: boolean;
}

/** Deletes a user from one broker, or from all brokers of a cluster. Deleting who is already gone is a success. */
export async function deleteUser(
  admin: AdminClient,
  { username, dryRun = false, ...target }: BrokerTarget & { username: string; dryRun?: boolean },
): Promise<DeleteUserResult> {
  const addrs = await targetAddrs(admin, target, 'brokers');
  const knows = await askAll(addrs, async (addr) => (await findUser(admin, addr, username)) !== null);
  requireAll(knows, `deleteUser ${username}: nothing was deleted`, undefined);
  const shown = { dryRun, username, existed: knows.some(({ value }) => value === true) };
  if (dryRun) {
    return { ...shown, brokers: planned(addrs) };
  }
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.AUTH_DELETE_USER, extFields: { username } }));
  const result: DeleteUserResult = { ...shown, brokers: outcomes(results) };
  requireAll(results, `deleteUser ${username}`, result);
  return result;
}

export interface UsersResult {
  /** The broker that answered; null when none has such users. */
  readonly brokerAddr: string | null;
  readonly users: readonly UserInfo[];
}

/** Users of one broker, or of the first master of a cluster that has any. */
export async function listUsers(admin: AdminClient, target: BrokerTarget & { filter?: string | undefined }): Promise<UsersResult> {
  for (const brokerAddr of await targetAddrs(admin, target, 'masters')) {
    const users = await usersOf(admin, brokerAddr, target.filter);
    if (users.length > 0) {
      return { brokerAddr, users };
    }
  }
  return { brokerAddr: null, users: [] };
}

/** One user of one broker, or of the first master of a cluster that has it. @throws NotFoundError when there is none of that name */
export async function getUser(admin: AdminClient, target: BrokerTarget & { username: string }): Promise<UsersResult> {
  const { username } = target;
  if (username === '') {
    throw new UsageError('give the name of a user with -u, --username');
  }
  const addrs = await targetAddrs(admin, target, 'masters');
  for (const brokerAddr of addrs) {
    const user = await findUser(admin, brokerAddr, username);
    if (user !== null) {
      return { brokerAddr, users: [user] };
    }
  }
  throw noUsers([username], addrs.join(', '));
}

function noUsers(names: readonly string[], where: string, result?: CopyUsersResult): NotFoundError {
  const subject = names.length === 1 ? 'user' : 'users';
  return new NotFoundError(`${subject} ${names.join(', ')} not known to ${where}`, {
    code: 'USER_NOT_EXIST',
    hint: 'see who is: mqadmin listUser',
    context: result === undefined ? {} : { result },
  });
}

export interface CopyUsersResult {
  readonly dryRun: boolean;
  readonly fromBroker: string;
  readonly toBroker: string;
  /** `update`: the target had a user of that name. */
  readonly users: readonly { readonly username: string; readonly change: 'create' | 'update' }[];
}

/** Copies users from one broker to another, all of them when none is named. @throws NotFoundError for names that are not there, after the others were copied */
export async function copyUsers(
  admin: AdminClient,
  request: { fromBroker: string; toBroker: string; usernames?: readonly string[] | undefined; dryRun?: boolean },
): Promise<CopyUsersResult> {
  const { fromBroker, toBroker, usernames, dryRun = false } = request;
  const found =
    usernames === undefined
      ? await usersOf(admin, fromBroker, undefined)
      : await Promise.all(usernames.map((username) => findUser(admin, fromBroker, username)));
  const users: { username: string; change: 'create' | 'update' }[] = [];
  for (const user of found) {
    if (user === null) {
      continue;
    }
    const { username } = user;
    const change = (await findUser(admin, toBroker, username)) === null ? 'create' : 'update';
    if (!dryRun) {
      const code = change === 'create' ? RequestCode.AUTH_CREATE_USER : RequestCode.AUTH_UPDATE_USER;
      await admin.ask(toBroker, { code, extFields: { username }, body: encodeUserInfo(user) });
    }
    users.push({ username, change });
  }
  const result: CopyUsersResult = { dryRun, fromBroker, toBroker, users };
  const missing = (usernames ?? []).filter((_, i) => found[i] === null);
  if (missing.length > 0) {
    throw noUsers(missing, fromBroker, result);
  }
  return result;
}
