import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { BrokerChange, BrokerChangeResult } from '../../../client/admin/broker-change.js';
import type { PlainAccessConfig } from '../../../client/admin/plain-acl.js';
import { targetOptions } from '../broker-change-command.js';
import { PlainAclCommand } from '../plain-acl-command.js';
import { requireTarget } from '../targets.js';
import { wordList } from '../word-list.js';

const options = defineOptions({
  ...targetOptions('update acl config file to'),
  account: { short: 'a', long: 'accessKey', required: true, text: 'set accessKey in acl config file' },
  secret: { short: 's', long: 'secretKey', required: true, text: 'set secretKey in acl config file' },
  whiteRemoteAddress: { short: 'w', text: 'set white ip Address for account in acl config file' },
  defaultTopicPerm: { short: 'i', text: 'set default topicPerm in acl config file' },
  defaultGroupPerm: { short: 'u', text: 'set default GroupPerm in acl config file' },
  topicPerms: { short: 't', text: 'set topicPerms list,eg: topicA=DENY,topicD=SUB' },
  groupPerms: { short: 'g', text: 'set groupPerms list,eg: groupD=DENY,groupD=SUB' },
  admin: { short: 'm', kind: 'boolean', default: false, text: 'set admin flag in acl config file' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Makes or changes an account in the access configuration. */
export default class UpdateAclConfig extends PlainAclCommand<typeof options> {
  static override summary = 'Update acl config yaml file in broker';
  static override description =
    'For brokers of 4.x with aclEnable; those of 5.3 have users and rules instead (createUser, createAcl). With -c on the slaves too.';
  static override examples = [
    'mqadmin updateAclConfig -b 127.0.0.1:10911 -a OrderService -s 12345678 -t OrderPaid=PUB -i DENY',
    'mqadmin updateAclConfig -n 127.0.0.1:9876 -c DefaultCluster -a OrderService -s 12345678 -m true --dry-run',
  ];
  static override options = options;

  protected override async change(values: Values): Promise<BrokerChange> {
    const { putAccountRequest } = await import('../../../client/admin/plain-acl.js');
    const request = putAccountRequest(accountOf(values));
    return { what: `update account ${values.account}`, target: requireTarget(values), part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `create or update plain access config to ${addr} success.`;
  }

  protected override render(result: BrokerChangeResult, out: Output, values: Values): void {
    super.render(result, out, values);
    if (result.brokers.some(({ outcome }) => outcome === 'done')) {
      const { secretKey: _, ...shown } = accountOf(values);
      const fields = Object.entries(shown).map(([key, value]) => `${key}=${Array.isArray(value) ? `[${value.join(', ')}]` : value}`);
      out.line(`PlainAccessConfig [${fields.join(', ')}]`);
    }
  }
}

function accountOf(values: Values): PlainAccessConfig {
  return {
    accessKey: values.account,
    secretKey: values.secret,
    whiteRemoteAddress: values.whiteRemoteAddress ?? null,
    admin: values.admin,
    defaultTopicPerm: values.defaultTopicPerm ?? null,
    defaultGroupPerm: values.defaultGroupPerm ?? null,
    topicPerms: values.topicPerms === undefined ? null : wordList(values.topicPerms),
    groupPerms: values.groupPerms === undefined ? null : wordList(values.groupPerms),
  };
}
