import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;

/**
 * Threads that send one after another with one producer of Apache's client, and what that cost this process. Arguments: name server,
 * topic, threads, bytes of a body, seconds of warm-up, seconds measured. Prints one line of JSON.
 */
public final class SendLoop {
    private SendLoop() {
    }

    public static void main(String[] args) throws Exception {
        String topic = args[1];
        int threads = Integer.parseInt(args[2]);
        int bodyBytes = Integer.parseInt(args[3]);
        DefaultMQProducer producer = new DefaultMQProducer("SendLoop");
        producer.setNamesrvAddr(args[0]);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        producer.start();
        LongAdder sent = new LongAdder();
        AtomicLong failed = new AtomicLong();
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(() -> sendForEver(producer, topic, bodyBytes, sent, failed), "sender-" + i);
            thread.setDaemon(true);
            thread.start();
        }
        Thread.sleep(Long.parseLong(args[4]) * 1000);
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long sentBefore = sent.sum();
        long cpuBefore = system.getProcessCpuTime();
        long startNanos = System.nanoTime();
        Thread.sleep(Long.parseLong(args[5]) * 1000);
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        double cpuSeconds = (system.getProcessCpuTime() - cpuBefore) / 1e9;
        long count = sent.sum() - sentBefore;
        System.out.printf(Locale.ROOT, "{\"count\":%d,\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"failed\":%d}%n", count, seconds, cpuSeconds, failed.get());
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static void sendForEver(DefaultMQProducer producer, String topic, int bodyBytes, LongAdder sent, AtomicLong failed) {
        byte[] body = new byte[bodyBytes];
        java.util.Arrays.fill(body, (byte) 'x');
        for (;;) {
            try {
                if (producer.send(new Message(topic, body)).getSendStatus() == SendStatus.SEND_OK) {
                    sent.increment();
                } else {
                    failed.incrementAndGet();
                }
            } catch (Exception e) {
                failed.incrementAndGet();
            }
        }
    }
}
