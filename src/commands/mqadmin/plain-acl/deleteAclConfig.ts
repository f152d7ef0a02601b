import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { BrokerChange, BrokerChangeResult } from '../../../client/admin/broker-change.js';
import { targetOptions } from '../broker-change-command.js';
import { PlainAclCommand } from '../plain-acl-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  ...targetOptions('delete acl config account from'),
  account: { short: 'a', long: 'accessKey', required: true, text: 'set accessKey in acl config file for deleting which account' },
  ...DELETE_OPTIONS,
});

type Values = OptionValues<typeof options>;

/** Deletes an account from the access configuration. */
export default class DeleteAclConfig extends PlainAclCommand<typeof options> {
  static override summary = 'Delete Acl Config Account in broker';
  static override description = 'For brokers of 4.x with aclEnable. With -c from the slaves too. Asks first on a terminal.';
  static override aliases = ['deleteAccessConfig'];
  static override examples = ['mqadmin deleteAclConfig -b 127.0.0.1:10911 -a RocketMQ --yes'];
  static override options = options;

  protected override readonly deletes = true;

  protected override async change(values: Values): Promise<BrokerChange> {
    const { deleteAccountRequest } = await import('../../../client/admin/plain-acl.js');
    const request = deleteAccountRequest(values.account);
    return { what: `delete account ${values.account}`, target: requireTarget(values), part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `delete plain access config account from ${addr} success.`;
  }

  protected override render(result: BrokerChangeResult, out: Output, values: Values): void {
    super.render(result, out, values);
    if (result.brokers.some(({ outcome }) => outcome === 'done')) {
      out.line(`account's accesskey is:${values.account}`);
    }
  }
}
