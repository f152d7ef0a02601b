import { defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { NODE_COMMON_OPTIONS, NODE_OPTIONS, type NodeResult, renderNodeResult } from './node-options.js';

const options = defineOptions({
  ...NODE_OPTIONS,
  printImportantConfig: { short: 'm', kind: 'flag', text: 'Print the important configuration items and exit' },
  namesrvAddr: { short: 'n', text: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'" },
  acceptDamage: {
    long: 'accept-damage',
    kind: 'flag',
    own: true,
    text: 'Start on a damaged commit log: cut it at the damage; what follows is copied to <store>/recovered first',
  },
});

export default class MqbrokerCommand extends MqCommand<typeof options, NodeResult> {
  static override summary = 'Run a broker';
  static override description =
    'Runs until it is stopped by mqshutdown, Ctrl-C or SIGTERM. Words behind the options are configuration: key=value. Order: defaults, NAMESRV_ADDR, file, words, -n.';
  static override examples = [
    'mqbroker -n 127.0.0.1:9876',
    'mqbroker -c conf/broker.conf',
    'mqbroker -c conf/broker.conf -m',
    'mqbroker -n 127.0.0.1:9876 brokerName=broker-b listenPort=20911 storePathRootDir=/data/b bindAddress=127.0.0.1',
  ];
  static override options = options;
  static override commonOptions = NODE_COMMON_OPTIONS;
  static override extraWords = 'keep' as const;

  protected async execute(values: Parameters<MqCommand<typeof options>['execute']>[0], context: CommandContext): Promise<NodeResult> {
    const given = values.namesrvAddr === undefined ? {} : { options: { namesrvAddr: [values.namesrvAddr, '-n'] as const } };
    const { loadForCommand, printedConfig, serve } = await import('./node-command.js');
    const config = loadForCommand('broker', { file: values.configFile, ...given }, context);
    const printed = printedConfig(config, values);
    if (printed !== undefined) {
      for (const warning of config.warnings) context.out.note(warning.text);
      return printed;
    }
    const { BrokerNode } = await import('../../../broker/broker.js');
    const { broker } = config;
    return serve(config, context, {
      logDir: values.logDir,
      start: (logger) => BrokerNode.start(config, { logger, acceptDamage: values.acceptDamage === true }),
      bootLine: (node) => {
        const namesrv = broker.namesrvAddr === '' ? '' : ` and name server is ${broker.namesrvAddr}`;
        return `The broker[${broker.brokerName}, ${node.address}] boot success. serializeType=JSON${namesrv}`;
      },
    });
  }

  protected override render(result: NodeResult, out: Output): void {
    renderNodeResult(result, out);
  }
}
