import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Clients that write a message trace. They run until trace.stop: they send their trace on their own within a second, and what is not sent when
 * they stop may be lost (4.9.7 stops its trace producer while it sends).
 */
final class Traced {
    private static final Map<String, Runnable> STOPS = new ConcurrentHashMap<>();

    private Traced() {
    }

    static Object call(String op, JSONObject in) throws Exception {
        switch (op) {
            case "trace.send": return send(in);
            case "trace.transaction": return transaction(in);
            case "trace.consume": return consume(in);
            case "trace.stop": return stop(in);
            default: throw new IllegalArgumentException("unknown operation " + op);
        }
    }

    private static Object send(JSONObject in) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(in.getString("group"), true, in.getString("traceTopic"));
        configure(producer, in);
        producer.start();
        STOPS.put(in.getString("name"), producer::shutdown);
        return Json.sendResult(producer.send(message(in)));
    }

    private static Object transaction(JSONObject in) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(null, in.getString("group"), null, true, in.getString("traceTopic"));
        configure(producer, in);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                return LocalTransactionState.UNKNOW;
            }
        });
        producer.start();
        STOPS.put(in.getString("name"), producer::shutdown);
        SendResult result = producer.sendMessageInTransaction(message(in), null);
        return Json.sendResult(result);
    }

    /** Consumes one message. */
    private static Object consume(JSONObject in) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(in.getString("group"), true, in.getString("traceTopic"));
        consumer.setNamesrvAddr(in.getString("namesrvAddr"));
        consumer.setInstanceName(in.getString("name"));
        consumer.setClientIP("127.0.0.1");
        consumer.setVipChannelEnabled(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(in.getString("topic"), "*");
        CountDownLatch consumed = new CountDownLatch(1);
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            consumed.countDown();
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        STOPS.put(in.getString("name"), consumer::shutdown);
        return consumed.await(50, TimeUnit.SECONDS);
    }

    /** Stops the clients of these names. */
    private static Object stop(JSONObject in) {
        for (String name : in.getJSONArray("names").toJavaList(String.class)) {
            STOPS.remove(name).run();
        }
        return true;
    }

    private static Message message(JSONObject in) {
        byte[] body = "traced".getBytes(StandardCharsets.UTF_8);
        return new Message(in.getString("topic"), in.getString("tags"), in.getString("keys"), body);
    }

    private static void configure(DefaultMQProducer producer, JSONObject in) {
        producer.setNamesrvAddr(in.getString("namesrvAddr"));
        producer.setInstanceName(in.getString("name"));
        producer.setClientIP("127.0.0.1");
        producer.setVipChannelEnabled(false);
        producer.setSendMsgTimeout(30_000);
    }
}
