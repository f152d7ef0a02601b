import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import type { Answer, Answers } from './full-cluster.js';

interface User {
  username: string;
  password: string;
  userType: string;
  userStatus: string;
}

interface Entry {
  resource: string;
  actions: string[];
  sourceIps?: string[];
  decision: string;
}

interface Acl {
  subject: string;
  policies: { policyType?: string; entries: Entry[] }[];
}

const KNOWN_ACTIONS = /^(all|any|pub|sub|create|update|delete|get|list)$/i;

function denied(remark: string): Answer {
  return { code: ResponseCode.NO_PERMISSION, remark };
}

/** Users and rules of one broker. */
export function answerAuth(): Answers {
  const users = new Map<string, User>();
  const acls = new Map<string, Entry[]>();
  const bodyOf = <T>(request: RemotingCommand): T => JSON.parse(request.body?.toString('utf8') ?? '{}') as T;
  const field = (request: RemotingCommand, name: string): string => request.extFields?.[name] ?? '';
  const aclOf = (subject: string): Acl => ({ subject, policies: [{ policyType: 'Custom', entries: acls.get(subject) ?? [] }] });
  const hasUser = (subject: string): boolean => users.has(subject.replace('User:', ''));

  const putAcl = (request: RemotingCommand): Answer => {
    const acl = bodyOf<Acl>(request);
    if (!acl.subject.startsWith('User:')) return { code: 1, remark: 'An system error occurred, please try again later.' };
    if (!hasUser(acl.subject)) return denied(`The subject of ${acl.subject} is not exist.`);
    const entries = acl.policies.flatMap((policy) => policy.entries);
    if (entries.some(({ actions }) => !actions.some((action) => KNOWN_ACTIONS.test(action)))) return denied('The actions is empty.');
    const names = new Map([...(acls.get(acl.subject) ?? []), ...entries].map((entry) => [entry.resource, entry]));
    acls.set(acl.subject, [...names.values()]);
    return {};
  };

  return new Map<number, (request: RemotingCommand) => Answer>([
    [
      RequestCode.AUTH_CREATE_USER,
      (request) => {
        const { username, password, userType } = bodyOf<User>(request);
        if (users.has(username)) return denied('The user is existed');
        users.set(username, { username, password, userType: userType === 'Super' ? 'Super' : 'Normal', userStatus: 'enable' });
        return {};
      },
    ],
    [
      RequestCode.AUTH_UPDATE_USER,
      (request) => {
        const user = users.get(field(request, 'username'));
        if (user === undefined) return denied('The user is not exist');
        Object.assign(user, bodyOf<User>(request));
        return {};
      },
    ],
    [
      RequestCode.AUTH_DELETE_USER,
      (request) => {
        users.delete(field(request, 'username'));
        acls.delete(`User:${field(request, 'username')}`);
        return {};
      },
    ],
    [
      RequestCode.AUTH_GET_USER,
      (request) => {
        const name = field(request, 'username');
        if (name === '') return { code: ResponseCode.INVALID_PARAMETER, remark: 'The username is blank' };
        const user = users.get(name);
        return user === undefined ? {} : { body: user };
      },
    ],
    [
      RequestCode.AUTH_LIST_USER,
      (request) => {
        const listed = [...users.values()].filter(({ username }) => username.includes(field(request, 'filter')));
        return listed.length === 0 ? {} : { body: listed };
      },
    ],
    [RequestCode.AUTH_CREATE_ACL, putAcl],
    [RequestCode.AUTH_UPDATE_ACL, putAcl],
    [
      RequestCode.AUTH_DELETE_ACL,
      (request) => {
        const subject = field(request, 'subject');
        const resource = field(request, 'resource');
        const entries = acls.get(subject);
        if (entries === undefined) return denied('The acl is not exist.');
        const rest = resource === '' ? [] : entries.filter((entry) => entry.resource !== resource);
        if (rest.length > 0) acls.set(subject, rest);
        else acls.delete(subject);
        return {};
      },
    ],
    [
      RequestCode.AUTH_GET_ACL,
      (request) => {
        const subject = field(request, 'subject');
        if (!hasUser(subject)) return denied('The subject is not exist.');
        return acls.has(subject) ? { body: aclOf(subject) } : {};
      },
    ],
    [
      RequestCode.AUTH_LIST_ACL,
      (request) => {
        const listed = [...acls.keys()]
          .filter((subject) => subject.includes(field(request, 'subjectFilter')))
          .map((subject) => {
            const entries = aclOf(subject).policies[0]!.entries.filter(({ resource }) =>
              resource.includes(field(request, 'resourceFilter')),
            );
            return { subject, policies: [{ policyType: 'Custom', entries }] };
          })
          .filter(({ policies }) => policies[0]!.entries.length > 0);
        return listed.length === 0 ? {} : { body: listed };
      },
    ],
  ]);
}
