import { DEFAULT_COMMON } from '../../cli/command-spec.js';
import type { CommonValues, OptionTable, OptionValues } from '../../cli/options.js';
import type { BrokerChangeResult } from '../../client/admin/broker-change.js';
import type { CommandContext } from '../base.js';
import { BrokerChangeCommand } from './broker-change-command.js';

/** Names that are options of these commands, for the account that is changed. */
const NOT_FOR_SIGNING = new Set<string>(['accessKey', 'secretKey', 'securityToken']);

/** Base of the changes to access configurations of 4.x. What requests are signed with comes from the environment or from tools.yml. */
export abstract class PlainAclCommand<T extends OptionTable> extends BrokerChangeCommand<T> {
  static override commonOptions = DEFAULT_COMMON.filter((key) => !NOT_FOR_SIGNING.has(key));

  protected override execute(values: OptionValues<T> & CommonValues, context: CommandContext): Promise<BrokerChangeResult> {
    const { ROCKETMQ_ACCESS_KEY, ROCKETMQ_SECRET_KEY, ROCKETMQ_SECURITY_TOKEN } = context.io.env;
    return super.execute(
      {
        ...values,
        accessKey: ROCKETMQ_ACCESS_KEY || undefined,
        secretKey: ROCKETMQ_SECRET_KEY || undefined,
        securityToken: ROCKETMQ_SECURITY_TOKEN || undefined,
      },
      context,
    );
  }
}
