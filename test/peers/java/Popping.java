import com.alibaba.fastjson.JSONObject;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;

/** Settings that only the clients of 5.x have; they are looked up by name so that the driver compiles with 4.9 too. */
final class Popping {
    private Popping() {
    }

    /** With popInvisibleTime, ms, brokers assign the queues; the consumer pops where its group is set to POP. */
    static void configure(DefaultMQPushConsumer consumer, JSONObject in) throws ReflectiveOperationException {
        if (!in.containsKey("popInvisibleTime")) {
            return;
        }
        consumer.getClass().getMethod("setClientRebalance", boolean.class).invoke(consumer, false);
        consumer.getClass().getMethod("setPopInvisibleTime", long.class).invoke(consumer, in.getLongValue("popInvisibleTime"));
    }
}
