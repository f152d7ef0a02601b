import { DELETE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { BrokerChangeCommand, targetOptions } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';

const options = defineOptions({
  ...targetOptions('delete acl from'),
  subject: { short: 's', required: true, text: 'the subject of acl to delete.' },
  resources: { short: 'r', text: 'the resources of acl to delete' },
  ...DELETE_OPTIONS,
});

/** Deletes the rules of a subject, or of one of its resources. */
export default class DeleteAcl extends BrokerChangeCommand<typeof options> {
  static override summary = 'Delete acl from cluster.';
  static override description = 'All rules of the subject without -r. With -c from the slaves too. Asks first on a terminal.';
  static override examples = [
    'mqadmin deleteAcl -b 127.0.0.1:10911 -s User:bob -r Topic:OrderPaid --yes',
    'mqadmin deleteAcl -n 127.0.0.1:9876 -c DefaultCluster -s User:bob --dry-run',
  ];
  static override options = options;

  protected override readonly deletes = true;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { deleteAclRequest } = await import('../../../client/admin/auth-acls.js');
    const { subject, resources: resource } = values;
    const what = resource === undefined ? `delete all rules of ${subject}` : `delete the rule of ${subject} for ${resource}`;
    return { what, target: requireTarget(values), part: 'brokers', request: deleteAclRequest({ subject, resource }) };
  }

  protected override done(addr: string): string {
    return `delete acl to ${addr} success.`;
  }
}
