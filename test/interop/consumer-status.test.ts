/* What our commands say of foreign consumers, and have them do, on the bundled nodes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { type ClientDriver, goClient, javaClient } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, until } from './support.js';

const CLIENTS = [
  { label: 'Java 4.9.7', open: () => javaClient('4.9.7'), language: 'JAVA', hasStack: true },
  { label: 'Java 5.3.3', open: () => javaClient('5.3.3'), language: 'JAVA', hasStack: true },
  { label: 'client-go v2', open: goClient, language: 'GO', hasStack: false },
] as const;

interop('foreign consumers as our commands see them', 'java and go', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  function run(line: string): Promise<CommandRun> {
    const [name = '', ...argv] = `${line} --json`.split(' ');
    return runCommand(name, argv, { NAMESRV_ADDR: target.namesrvAddr });
  }

  /** The JSON that a command prints. */
  async function asked(line: string) {
    const done = await run(line);
    expect(done, line).toMatchObject({ exitCode: 0 });
    return JSON.parse(done.stdout);
  }

  describe.each(CLIENTS)('$label', ({ open, language, hasStack, label }) => {
    const id = label.replaceAll(/[^A-Za-z0-9]/g, '');
    const [topic, group] = [`Seen${id}`, `SeenG${id}`];
    let client: ClientDriver;
    beforeAll(async () => {
      client = await open();
      await createTopic(target, topic, 2);
      await createGroup(target, group);
      await client.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `SeenP${id}` });
    });
    afterAll(() => client?.close());

    it('checklist 37: connection, progress, running info and stack are told; a message is consumed directly', async () => {
      const init = { name: 'c', namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' } };
      await client.startPush({ ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      const sent = await client.send('p', { topic, body: 'seen', keys: 'k' });
      await client.receive('c', 1);

      const { connections } = await asked(`consumerConnection -g ${group}`);
      expect(connections).toMatchObject([{ language, clientId: expect.any(String) }]);
      const { clientId } = connections[0];
      const consumed = await asked(`queryMsgById -t ${topic} -i ${sent.offsetMsgId} -g ${group} -d ${clientId}`);
      expect(consumed).toMatchObject({ consumed: [{ consumeResult: 'CR_SUCCESS' }] });
      const [, again] = await client.receive('c', 2);
      expect(again!.message).toMatchObject({ topic, keys: 'k' });

      // Go's client has no running info before its second sample of rates, 20 s after its start.
      let answered: CommandRun | undefined;
      await until(async () => {
        answered = await run(`consumerStatus -g ${group}${hasStack ? ' -s' : ''}`);
        return answered.exitCode === 0;
      });
      const status = JSON.parse(answered?.stdout ?? '');
      expect(status.clients).toMatchObject([{ clientId }]);
      const { runningInfo } = status.clients[0];
      expect(runningInfo.queues.filter((queue: { topic: string }) => queue.topic === topic)).toHaveLength(2);
      if (hasStack) expect(runningInfo.jstack).toContain('ConsumeMessageThread_');

      const owners = async () => {
        const { stdout, exitCode } = await run(`consumerProgress -g ${group} -t ${topic} -s true`);
        if (exitCode !== 0) return false;
        const { diffTotal, queues } = JSON.parse(stdout);
        return diffTotal === 0 && queues.every((queue: { clientId: string | null }) => queue.clientId === clientId);
      };
      await until(owners);
      await client.stopPush('c');
    });
  });
});
