import type { NodeKind } from '../../../broker/config/index.js';
import { CHANGE_OPTIONS, type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { NotFoundError, UsageError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import { describeNode, type StoppedNode } from './node-texts.js';

const DEFAULT_WAIT_SECONDS = 60;
const KINDS: Readonly<Record<string, NodeKind>> = { broker: 'broker', namesrv: 'namesrv' };

const options = defineOptions({
  ...CHANGE_OPTIONS,
  port: { kind: 'int', own: true, text: 'Only the node that listens on this port' },
  wait: { kind: 'int', own: true, default: DEFAULT_WAIT_SECONDS, min: 1, text: 'Seconds to wait for a clean stop' },
});

export default class MqshutdownCommand extends MqCommand<typeof options, { stopped: StoppedNode[] }> {
  static override summary = 'Stop the brokers or name servers that this user started on this machine';
  static override description = 'mqshutdown broker | namesrv';
  static override examples = ['mqshutdown broker', 'mqshutdown namesrv', 'mqshutdown broker --port 20911'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug'];
  static override extraWords = 'keep' as const;

  protected async execute(
    values: Parameters<MqCommand<typeof options>['execute']>[0],
    context: CommandContext,
  ): Promise<{ stopped: StoppedNode[] }> {
    const [word, ...rest] = context.words;
    const kind = word === undefined ? undefined : KINDS[word.toLowerCase()];
    if (kind === undefined || rest.length > 0) throw new UsageError('say what to stop: mqshutdown broker | namesrv');
    const [{ runningNodes, stateDir }, { stopAll }] = await Promise.all([
      import('../../../broker/process/run-file.js'),
      import('./stop-nodes.js'),
    ]);
    const state = stateDir(context.io.env);
    const nodes = (await runningNodes(state)).filter(
      (node) => node.kind === kind && (values.port === undefined || node.listenPort === values.port),
    );
    if (nodes.length === 0) {
      const where = values.port === undefined ? '' : ` on port ${values.port}`;
      throw new NotFoundError(`no ${kind === 'broker' ? 'broker' : 'name server'} of this user is running${where}`, {
        code: 'NODE_NOT_RUNNING',
      });
    }
    for (const node of nodes) context.out.note(`${values.dryRun ? 'would stop' : 'stopping'} ${describeNode(node)}`);
    if (values.dryRun) return { stopped: [] };
    return { stopped: await stopAll(state, nodes, values.wait * 1000) };
  }

  protected override render(result: { stopped: StoppedNode[] }, out: Output): void {
    for (const node of result.stopped) out.line(`${describeNode(node)} stopped after ${node.tookMs} ms`);
  }
}
