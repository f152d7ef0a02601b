import { CHANGE_OPTIONS, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { BrokerChange } from '../../../client/admin/broker-change.js';
import { RequestCode } from '../../../remoting/codes.js';
import { BrokerChangeCommand } from '../broker-change-command.js';

const options = defineOptions({
  brokerContainerAddr: { short: 'c', required: true, text: 'Broker container address' },
  brokerConfigPath: { short: 'b', required: true, text: 'Broker config path' },
  ...CHANGE_OPTIONS,
});

/** Has a container start a broker. */
export default class AddBroker extends BrokerChangeCommand<typeof options> {
  static override summary = 'Add a broker to specified container.';
  static override description = 'The path is one of the container\'s machine. A broker that runs without a container says "not supported".';
  static override examples = ['mqadmin addBroker -c 127.0.0.1:10911 -b /etc/rocketmq/broker-b.conf'];
  static override options = options;

  protected override async change(values: OptionValues<typeof options>): Promise<BrokerChange> {
    const { brokerContainerAddr, brokerConfigPath } = values;
    const request = { code: RequestCode.ADD_BROKER, extFields: { configPath: brokerConfigPath } };
    return { what: `add a broker of ${brokerConfigPath}`, target: { brokerAddr: brokerContainerAddr }, part: 'brokers', request };
  }

  protected override done(addr: string): string {
    return `add broker to ${addr} success`;
  }
}
