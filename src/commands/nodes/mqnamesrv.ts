import { defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { type CommandContext, MqCommand } from '../base.js';
import { NODE_COMMON_OPTIONS, NODE_OPTIONS, type NodeResult, renderNodeResult } from './node-options.js';

const options = defineOptions({
  ...NODE_OPTIONS,
  namesrvAddr: {
    short: 'n',
    text: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'; accepted as Apache's does, without effect",
  },
});

export default class MqnamesrvCommand extends MqCommand<typeof options, NodeResult> {
  static override summary = 'Run a name server';
  static override description =
    'Runs until it is stopped by mqshutdown, Ctrl-C or SIGTERM. Words behind the options are configuration: key=value.';
  static override examples = [
    'mqnamesrv',
    'mqnamesrv -c conf/namesrv.properties',
    'mqnamesrv -p',
    'mqnamesrv listenPort=9875 bindAddress=127.0.0.1',
  ];
  static override options = options;
  static override commonOptions = NODE_COMMON_OPTIONS;
  static override extraWords = 'keep' as const;

  protected async execute(values: Parameters<MqCommand<typeof options>['execute']>[0], context: CommandContext): Promise<NodeResult> {
    const { loadForCommand, printedConfig, serve } = await import('./node-command.js');
    const config = loadForCommand('namesrv', { file: values.configFile }, context);
    const printed = printedConfig(config, { ...values, printImportantConfig: false });
    if (printed !== undefined) {
      for (const warning of config.warnings) context.out.note(warning.text);
      return printed;
    }
    const { NamesrvNode } = await import('../../../broker/namesrv/index.js');
    return serve(config, context, {
      logDir: values.logDir,
      start: (logger) => NamesrvNode.start(config, { logger }),
      bootLine: () => `The Name Server boot success. serializeType=JSON, address ${config.server.bindAddress}:${config.server.listenPort}`,
    });
  }

  protected override render(result: NodeResult, out: Output): void {
    renderNodeResult(result, out);
  }
}
