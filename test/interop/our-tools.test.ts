import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Producer, PullConsumer, PushConsumer } from '../../src/index.js';
import { APACHE_VERSIONS, apache, javaClient, rawRequest, runLauncher } from '../peers/index.js';
import { REQUEST_TIMEOUT_MS, startOurResponder, withOurRequester } from './our-requests.js';
import { createGroup, createTopic, interop, startTarget, type Target, until } from './support.js';

interop('our client and tools on a cluster of Apache', 'java', () => {
  describe.each(APACHE_VERSIONS)('Apache %s', (version) => {
    let target: Target;
    const mqadmin = (line: string) => runLauncher('mqadmin', line.split(' '), { namesrvAddr: target.namesrvAddr });
    const bench = async (line: string) => {
      const { stdout, stderr, exitCode } = await runLauncher('mqbench', line.split(' '), { namesrvAddr: target.namesrvAddr });
      expect(exitCode, stderr).toBe(0);
      return JSON.parse(stdout.slice(stdout.indexOf('{'))) as { schema: string } & Record<
        'send' | 'receive',
        { count: number; errors: number; rate: number }
      >;
    };

    beforeAll(async () => {
      target = await apache.startCluster({ version });
    });
    afterAll(() => target?.stop());

    it('our consumer answers our requester', async () => {
      await createTopic(target, 'AskOurselves', 1);
      await createGroup(target, 'AskOurselves-ours');
      const stop = await startOurResponder(target.namesrvAddr, 'AskOurselves');
      try {
        await withOurRequester(target.namesrvAddr, async (producer) => {
          const bodies = ['a', 'b', 'c'];
          const replies = await Promise.all(
            bodies.map((body) => producer.request({ topic: 'AskOurselves', body: Buffer.from(body) }, REQUEST_TIMEOUT_MS)),
          );
          expect(replies.map(({ body }) => body.toString())).toEqual(['re:a', 're:b', 're:c']);
        });
      } finally {
        await stop();
      }
    });

    it('the client sends, receives by tag, retries and pulls', async () => {
      await createTopic(target, 'Ours', 4);
      await createGroup(target, 'OursGroup');
      const { namesrvAddr } = target;
      const producer = new Producer({ namesrvAddr, producerGroup: 'OursProducer', sendMsgTimeoutMs: 30_000 });
      await producer.start();
      const seen: string[] = [];
      const consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'OursGroup', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
      consumer.subscribe('Ours', 'A');
      consumer.onMessage(([message], context) => {
        seen.push(`${message?.body} ${message?.reconsumeTimes}`);
        context.delayLevelWhenNextConsume = 1;
        return message?.reconsumeTimes === 0 ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS';
      });
      for (const tags of ['A', 'B', 'A']) await producer.send({ topic: 'Ours', body: Buffer.from(tags), tags });
      const large = Buffer.alloc(20_000, 'large');
      const { messageQueue, queueOffset } = await producer.send({ topic: 'Ours', body: large, tags: 'B' });
      await producer.sendOneway({ topic: 'Ours', body: Buffer.from('oneway'), tags: 'A' });
      await consumer.start();
      await until(() => seen.length >= 6, 60_000);
      expect(seen.toSorted()).toEqual(['A 0', 'A 0', 'A 1', 'A 1', 'oneway 0', 'oneway 1']);
      await consumer.shutdown();
      await producer.shutdown();
      const pull = new PullConsumer({ namesrvAddr, consumerGroup: 'OursPull' });
      await pull.start();
      const result = await pull.pull(messageQueue, '*', queueOffset, 1);
      expect(result.messages[0]?.body.equals(large)).toBe(true);
      expect(await pull.maxOffset(messageQueue)).toBeGreaterThan(queueOffset);
      await pull.shutdown();
    });

    it('mqadmin administers it', async () => {
      expect(await mqadmin('updateTopic -c DefaultCluster -t Made -r 2 -w 2')).toMatchObject({ exitCode: 0 });
      expect((await mqadmin('topicList')).stdout).toMatch(/^Made$/m);
      expect((await mqadmin('topicRoute -t Made')).stdout).toContain(target.broker.address);
      expect(await mqadmin('sendMessage -t Made -p hello -k key')).toMatchObject({ exitCode: 0 });
      await until(async () => (await mqadmin('queryMsgByKey -t Made -k key')).exitCode === 0);
      expect((await mqadmin(`brokerStatus -b ${target.broker.address}`)).stdout).toMatch(/commitLogMaxOffset/);
      expect((await mqadmin('clusterList')).stdout).toContain(target.broker.address);
      expect((await mqadmin('consumerProgress -g OursGroup')).stdout).toMatch(/Ours +broker-a/);
      expect((await mqadmin('printMsg -t Made -b 2020-01-01#00:00:00:000')).stdout).toMatch(/ BODY: hello$/m);
      expect(await mqadmin('checkMsgSendRT -t Made -a 3')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^Avg RT: [\d.]+$/m),
      });
      expect((await mqadmin('sendMsgStatus -b broker-a -c 1')).stdout).toMatch(/^rt=\d+ms, SendResult=SendResult \[sendStatus=SEND_OK, /);
      expect((await mqadmin('updateTopicPerm -c DefaultCluster -t Made -p 4')).stdout).toMatch(/^update topic perm from 6 to 4 in /);
      expect((await mqadmin('topicRoute -t Made -l')).stdout).toMatch(/ 2 +2 +4 *$/m);
      for (const command of ['cleanExpiredCQ', 'cleanUnusedTopic', 'deleteExpiredCommitLog']) {
        expect(await mqadmin(`${command} -c DefaultCluster`)).toMatchObject({ exitCode: 0, stdout: 'success' });
      }
      expect(await mqadmin('deleteTopic -c DefaultCluster -t Made')).toMatchObject({ exitCode: 0 });
      expect(await mqadmin('topicRoute -t Made')).toMatchObject({ exitCode: 4 });
    });

    it('mqbench measures it', async () => {
      await createTopic(target, 'BenchOurs', 16);
      const produced = await bench('producer -t BenchOurs --duration 4s --json');
      expect(produced).toMatchObject({ schema: 'mqbench/1', send: { errors: 0 } });
      expect(produced.send.count).toBeGreaterThan(500);
      const both = await Promise.all([
        bench('consumer -t BenchOurs --duration 4s --json'),
        bench('producer -t BenchOurs --rate 200 --duration 3s --json'),
      ]);
      expect(both[0]?.receive.count).toBeGreaterThan(100);
    });
  });
});

interop("Apache's mqadmin 4.9.7 on the bundled cluster", 'java', () => {
  it('runs its commands without an error', async () => {
    const target = await startTarget();
    const java = await javaClient('4.9.7');
    try {
      const run = async (line: string): Promise<string> => {
        const { stdout, stderr } = await java.mqadmin(target.namesrvAddr, line.split(' '));
        expect(stderr, line).not.toMatch(/SubCommandException|CODE: /);
        return stdout;
      };
      await createGroup(target, 'OldGroup');
      expect(await run('updateTopic -c DefaultCluster -t Old -r 4 -w 4')).toMatch(/create topic to .* success/);
      expect(await run('topicList')).toMatch(/^Old$/m);
      expect(await run('topicRoute -t Old')).toContain(target.broker.address);
      expect(await run('sendMessage -t Old -p hello -k key -b broker-a -i 0')).toContain('SEND_OK');
      expect(await run('topicStatus -t Old')).toMatch(/broker-a\s+0\s+0\s+1/);
      expect(await run('clusterList')).toContain(target.broker.address);
      expect(await run(`brokerStatus -b ${target.broker.address}`)).toMatch(/getTransferedTps/);
      await rawRequest(target.broker.address, 15, { consumerGroup: 'OldGroup', topic: 'Old', queueId: '0', commitOffset: '1' });
      expect(await run('consumerProgress -g OldGroup')).toMatch(/Diff Total: 0/);
      expect(await run(`getBrokerConfig -b ${target.broker.address}`)).toMatch(/brokerName/);
      expect(await run('deleteTopic -c DefaultCluster -t Old')).toMatch(/success/);
    } finally {
      await java.close();
      await target.stop();
    }
  });
});
