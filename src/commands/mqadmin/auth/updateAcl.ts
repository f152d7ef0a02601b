import type { OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { aclOptions } from '../auth-text.js';
import { BrokerChangeCommand } from '../broker-change-command.js';
import { requireTarget } from '../targets.js';
import { wordList } from '../word-list.js';

const options = aclOptions('update');

/** Adds rules to those of a user, or replaces those of the same resources. */
export default class UpdateAcl extends BrokerChangeCommand<typeof options> {
  static override summary = 'Update acl to cluster.';
  static override description = [
    'Adds rules to those of a user, or replaces those of the same resources. With -c on the slaves too. Subjects are User:name; resources are',
    'Topic:name, Group:name, Cluster:name (with * at the end: all that begin so); actions All, Pub, Sub, Create, Update, Delete, Get, List;',
    'the decision is Allow or Deny.',
  ].join('\n');
  static override examples = [
    'mqadmin updateAcl -b 127.0.0.1:10911 -s User:bob -r Topic:OrderPaid,Group:OrderPaidGroup -a Pub,Sub -d Allow',
    'mqadmin updateAcl -n 127.0.0.1:9876 -c DefaultCluster -s User:bob -r Topic:* -a All -i 10.0.0.1 -d Deny --dry-run',
  ];
  static override options = options;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { updateAclRequest } = await import('../../../client/admin/auth-acls.js');
    const { subject, decision, sourceIp } = values;
    const request = updateAclRequest({
      subject,
      resources: wordList(values.resources),
      actions: wordList(values.actions),
      sourceIps: sourceIp === undefined ? undefined : wordList(sourceIp),
      decision,
    });
    return { what: `update acl of ${subject}`, target: requireTarget(values), part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `update acl to ${addr} success.`;
  }
}
