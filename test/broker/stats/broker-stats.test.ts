import { describe, expect, it } from 'vitest';
import { BrokerStats } from '../../../broker/stats/index.js';
import { TpsSampler } from '../../../broker/stats/tps-sampler.js';
import { FakeTime } from '../fake-time.js';

function started(): { time: FakeTime; stats: BrokerStats; put: (count: number) => void } {
  const time = new FakeTime();
  const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C' });
  stats.start();
  const topic = stats.topic('T', false);
  return { time, stats, put: (count) => stats.countPut(topic, count, count * 100) };
}

const MINUTE_MS = 60_000;

describe('the windows of a counter', () => {
  it('show a steady rate within 20 % at any moment, from the second second on', () => {
    const { time, stats, put } = started();
    time.advance(47_300);
    for (let second = 1; second <= 3 * 3600; second++) {
      for (let i = 0; i < 10; i++) put(5);
      time.advance(1000);
      if (second % 7 !== 0) continue;
      const { statsMinute, statsHour, statsDay } = stats.view('TOPIC_PUT_NUMS', 'T')!;
      for (const window of [statsMinute, statsHour, statsDay]) expect(Math.abs(window.tps - 50)).toBeLessThan(10);
      expect(statsMinute.avgpt).toBe(5);
      expect(statsMinute.sum).toBeLessThanOrEqual(60 * 50);
      expect(statsHour.sum).toBeLessThanOrEqual(3600 * 50);
      expect(statsDay.sum).toBe(second * 50);
    }
    expect(stats.view('TOPIC_PUT_NUMS', 'T')!.statsHour.sum).toBeGreaterThan(3600 * 50 * 0.8);
  });

  it('count from the first message, not from the creation of the topic', () => {
    const { time, stats, put } = started();
    time.advance(5 * MINUTE_MS);
    for (let i = 0; i < 20; i++) {
      put(100);
      time.advance(1000);
    }
    expect(stats.view('TOPIC_PUT_NUMS', 'T')!.statsMinute).toMatchObject({ sum: 2000, tps: 100 });
  });

  it('forget what is older than they are', () => {
    const { time, stats, put } = started();
    put(1000);
    time.advance(2 * MINUTE_MS);
    const view = stats.view('TOPIC_PUT_NUMS', 'T')!;
    expect(view.statsMinute).toEqual({ sum: 0, tps: 0, avgpt: 0 });
    expect(view.statsHour.sum).toBe(1000);
    time.advance(26 * 60 * MINUTE_MS);
    expect(stats.view('TOPIC_PUT_NUMS', 'T')!.statsDay.sum).toBe(0);
  });

  it('are there at once: a burst is seen the moment it was counted', () => {
    const { stats, put } = started();
    expect(stats.view('TOPIC_PUT_NUMS', 'T')).toBe(null);
    put(7);
    const view = stats.view('TOPIC_PUT_NUMS', 'T')!;
    expect([view.statsMinute.sum, view.statsHour.sum, view.statsDay.sum]).toEqual([7, 7, 7]);
    expect(view.statsMinute.avgpt).toBe(7);
  });

  it('count the broker without system topics apart, and go with their topic', () => {
    const { stats, put } = started();
    put(3);
    stats.countPut(stats.topic('SYS', true), 4, 1);
    expect(stats.putNums.value).toBe(7);
    expect(stats.putNumsWithoutSystemTopic.value).toBe(3);
    stats.removeTopic('T');
    expect(stats.view('TOPIC_PUT_NUMS', 'T')).toBe(null);
  });
});

describe('details', () => {
  const counted = (policy: { enableDetailStat: boolean; autoDeleteUnusedStats: boolean }): BrokerStats => {
    const time = new FakeTime();
    const stats = new BrokerStats({ clock: time, timers: time, clusterName: 'C', policy });
    const topic = stats.topic('T', false);
    stats.countPutOfQueue(topic, 3, 2, 100, 5);
    stats.countPutOfQueue(topic, 3, 1, 50, 10);
    for (const queueId of [0, 7]) stats.countGetOfQueue(topic, stats.group(topic, 'T', 'G'), queueId, 2, 80, 4);
    return stats;
  };
  const sums = (stats: BrokerStats, ...counters: string[]) =>
    counters.map((counter) => stats.view(counter.split(' ')[0]!, counter.split(' ')[1]!)?.statsMinute.sum ?? null);
  const QUEUES = ['QUEUE_PUT_NUMS T@3', 'QUEUE_PUT_SIZE T@3', 'QUEUE_GET_NUMS T@7@G', 'QUEUE_GET_SIZE T@0@G'];

  it('are counted for each queue, latencies with their average, and go with the topic', () => {
    const stats = counted({ enableDetailStat: true, autoDeleteUnusedStats: true });
    expect(sums(stats, ...QUEUES)).toEqual([3, 150, 2, 80]);
    expect(stats.view('TOPIC_PUT_LATENCY', '3@T')!.statsMinute).toMatchObject({ sum: 15, avgpt: 7.5 });
    expect(sums(stats, 'GROUP_GET_LATENCY 7@T@G', 'GROUP_GET_LATENCY T@G', 'GROUP_GET_NUMS T@G')).toEqual([4, null, 4]);
    stats.removeGroup('G');
    expect(sums(stats, ...QUEUES)).toEqual([3, 150, null, null]);
    stats.removeTopic('T');
    expect(sums(stats, ...QUEUES, 'TOPIC_PUT_LATENCY 3@T')).toEqual([null, null, null, null, null]);
  });

  it('are left out without enableDetailStat; counters stay without autoDeleteUnusedStats', () => {
    const stats = counted({ enableDetailStat: false, autoDeleteUnusedStats: false });
    stats.removeGroup('G');
    stats.removeTopic('T');
    expect(sums(stats, ...QUEUES)).toEqual([null, null, null, null]);
    expect(sums(stats, 'GROUP_GET_LATENCY T@G', 'GROUP_GET_NUMS T@G', 'TOPIC_PUT_NUMS T', 'TOPIC_PUT_LATENCY 3@T')).toEqual([8, 4, 3, 15]);
  });
});

describe('the rates of the runtime information', () => {
  it('are three, right within the window, and empty where a window is not over', () => {
    const sampler = new TpsSampler();
    const totals = { puts: 0, getsFound: 0, getsMissed: 0, messagesTransferred: 0 };
    expect(sampler.rates(0, totals, ['puts'])).toBe('  ');
    for (let second = 0; second <= 700; second++) {
      sampler.sample(second * 1000, totals);
      if (second === 5) expect(sampler.rates(5000, totals, ['puts'])).toBe('40.0  ');
      if (second === 65) expect(sampler.rates(65_000, totals, ['puts'])).toBe('40.0 40.0 ');
      totals.puts += 40;
      totals.getsFound += 1;
    }
    totals.puts -= 40;
    expect(sampler.rates(700_000, totals, ['puts'])).toBe('40.0 40.0 40.0');
  });
});
