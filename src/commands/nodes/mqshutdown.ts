import type { NodeKind } from '../../../broker/config/index.js';
import { type RunFile, runningNodes, stateDir } from '../../../broker/process/run-file.js';
import { type StopOutcome, stopNode } from '../../../broker/process/stop-node.js';
import { type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { NotFoundError, TimeoutError, UsageError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';

const DEFAULT_WAIT_SECONDS = 60;
const KINDS: Readonly<Record<string, NodeKind>> = { broker: 'broker', namesrv: 'namesrv' };

const options = defineOptions({
  port: { kind: 'int', own: true, text: 'Only the node that listens on this port' },
  wait: { kind: 'int', own: true, default: DEFAULT_WAIT_SECONDS, min: 1, text: 'Seconds to wait for a clean stop' },
});

interface Stopped {
  readonly kind: NodeKind;
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  readonly by: StopOutcome['by'];
  readonly tookMs: number;
}

/** One node in words. */
export function describeNode(node: Pick<RunFile, 'kind' | 'name' | 'address' | 'pid'>): string {
  const what = node.kind === 'broker' ? `broker ${node.name}` : 'name server';
  return `${what} (${node.address}, pid ${node.pid})`;
}

export default class MqshutdownCommand extends MqCommand<typeof options, { stopped: Stopped[] }> {
  static override summary = 'Stop the brokers or name servers that this user started on this machine';
  static override description = 'mqshutdown broker | namesrv';
  static override examples = ['mqshutdown broker', 'mqshutdown namesrv', 'mqshutdown broker --port 20911'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug'];
  static override extraWords = 'keep' as const;

  protected async execute(
    values: Parameters<MqCommand<typeof options>['execute']>[0],
    context: CommandContext,
  ): Promise<{ stopped: Stopped[] }> {
    const [word, ...rest] = context.words;
    const kind = word === undefined ? undefined : KINDS[word.toLowerCase()];
    if (kind === undefined || rest.length > 0) throw new UsageError('say what to stop: mqshutdown broker | namesrv');
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
    for (const node of nodes) context.out.note(`stopping ${describeNode(node)}`);
    return { stopped: await stopAll(state, nodes, values.wait * 1000) };
  }

  protected override render(result: { stopped: Stopped[] }, out: Output): void {
    for (const node of result.stopped) out.line(`${describeNode(node)} stopped after ${node.tookMs} ms`);
  }
}

/**
 * Stops nodes side by side and waits for all of them.
 * @throws TimeoutError naming those that still run.
 */
export async function stopAll(state: string, nodes: readonly RunFile[], waitMs: number): Promise<Stopped[]> {
  const outcomes = await Promise.all(nodes.map((node) => stopNode(state, node, { waitMs })));
  const left = outcomes.filter((outcome) => !outcome.isStopped);
  if (left.length > 0) {
    const names = left.map(({ node, by }) => `${describeNode(node)}${by === 'none' ? ' could not be asked' : ''}`).join(', ');
    throw new TimeoutError(`still running after ${waitMs / 1000} s: ${names}`, {
      code: 'NODE_NOT_STOPPED',
      hint: `see ${left.map(({ node }) => node.logFile).join(', ')}`,
      retriable: true,
    });
  }
  return outcomes.map(({ node, by, tookMs }) => ({ kind: node.kind, name: node.name, address: node.address, pid: node.pid, by, tookMs }));
}
