import { format } from '../../cli/format.js';
import { CHANGE_OPTIONS, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import type { AclInfo, UserInfo } from '../../remoting/bodies/auth.js';

const USER_COLUMNS = '%-16s  %-22s  %-22s  %-22s';
/** The title of the second column is one wider than its rows, as in Apache's tool. */
const ACL_COLUMNS = '%-16s  %-10s  %-22s  %-20s  %-24s  %-10s';

/** A table of users; nothing when there is none. */
export function printUsers(users: readonly UserInfo[], out: Output): void {
  if (users.length > 0) {
    out.line(format(USER_COLUMNS, '#UserName', '#Password', '#UserType', '#UserStatus'));
  }
  for (const { username, password, userType, userStatus } of users) {
    out.line(format(USER_COLUMNS, username, String(password ?? null), String(userType ?? null), String(userStatus ?? null)));
  }
}

/** A table of rules; nothing when there is none. */
export function printAcls(acls: readonly AclInfo[], out: Output): void {
  if (acls.length > 0) {
    out.line(format(ACL_COLUMNS, '#Subject', '#PolicyType', '#Resource', '#Actions', '#SourceIp', '#Decision'));
  }
  for (const { subject, policies } of acls) {
    if (policies.length === 0) {
      out.line(format(ACL_COLUMNS, subject, '', '', '', '', ''));
    }
    for (const { policyType, entries } of policies) {
      for (const { resource, actions, sourceIps, decision } of entries) {
        const from = sourceIps === null ? 'null' : javaList(sourceIps);
        out.line(format(ACL_COLUMNS, subject, String(policyType), resource, javaList(actions), from, decision));
      }
    }
  }
}

function javaList(words: readonly string[]): string {
  return `[${words.join(', ')}]`;
}

/** Options of the commands that write a rule; `verb` is create or update. */
export function aclOptions(verb: 'create' | 'update') {
  return defineOptions({
    clusterName: { short: 'c', group: 'target', groupRequired: true, text: `${verb} acl to which cluster` },
    brokerAddr: { short: 'b', group: 'target', groupRequired: true, text: `${verb} acl to which broker` },
    subject: { short: 's', required: true, text: `the subject of acl to ${verb}.` },
    resources: { short: 'r', required: true, text: `the resources of acl to ${verb}` },
    actions: { short: 'a', required: true, text: `the actions of acl to ${verb}` },
    sourceIp: { short: 'i', text: `the sourceIps of acl to ${verb}` },
    decision: { short: 'd', required: true, text: `the decision of acl to ${verb}` },
    ...CHANGE_OPTIONS,
  });
}
