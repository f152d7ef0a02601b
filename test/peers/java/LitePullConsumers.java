import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Lite-pull consumers: `subscriptions` (topic to expression) or `queues` to assign. */
final class LitePullConsumers {
    private static final Map<String, DefaultLitePullConsumer> CONSUMERS = new ConcurrentHashMap<>();

    private LitePullConsumers() {}

    static Object call(String op, JSONObject in) throws Exception {
        if (op.equals("lite.start")) {
            return start(in);
        }
        DefaultLitePullConsumer consumer = CONSUMERS.get(in.getString("name"));
        if (consumer == null) {
            throw new IllegalArgumentException("no lite-pull consumer " + in.getString("name"));
        }
        MessageQueue queue = in.containsKey("queue") ? Json.queue(in.getJSONObject("queue")) : null;
        switch (op) {
            case "lite.poll": {
                JSONArray out = new JSONArray();
                for (MessageExt message : consumer.poll(in.getLongValue("timeoutMs"))) {
                    out.add(Json.message(message));
                }
                return out;
            }
            case "lite.assignment":
                return Json.queues(new HashSet<>(consumer.assignment()));
            case "lite.commit":
                consumer.commit(new HashSet<>(queues(in.getJSONArray("queues"))), true);
                return null;
            case "lite.committed":
                return consumer.committed(queue);
            case "lite.seek":
                consumer.seek(queue, in.getLongValue("offset"));
                return null;
            case "lite.seekToBegin":
                consumer.seekToBegin(queue);
                return null;
            case "lite.seekToEnd":
                consumer.seekToEnd(queue);
                return null;
            case "lite.pause":
                consumer.pause(Collections.singletonList(queue));
                return null;
            case "lite.resume":
                consumer.resume(Collections.singletonList(queue));
                return null;
            case "lite.assign":
                consumer.assign(queues(in.getJSONArray("queues")));
                return null;
            case "lite.subscribe":
                consumer.subscribe(in.getString("topic"), "*");
                return null;
            case "lite.stop":
                CONSUMERS.remove(in.getString("name"));
                consumer.shutdown();
                return null;
            default:
                throw new IllegalArgumentException("unknown op " + op);
        }
    }

    private static Object start(JSONObject in) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(in.getString("group"));
        consumer.setNamesrvAddr(in.getString("namesrvAddr"));
        consumer.setInstanceName(in.getString("name"));
        consumer.setClientIP("127.0.0.1");
        consumer.setVipChannelEnabled(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAutoCommit(in.getBooleanValue("autoCommit"));
        JSONObject subscriptions = in.getJSONObject("subscriptions");
        if (subscriptions != null) {
            for (String topic : subscriptions.keySet()) {
                consumer.subscribe(topic, subscriptions.getString(topic));
            }
        }
        if (in.containsKey("queues")) {
            consumer.assign(queues(in.getJSONArray("queues")));
        }
        consumer.start();
        CONSUMERS.put(in.getString("name"), consumer);
        return null;
    }

    private static List<MessageQueue> queues(JSONArray in) {
        List<MessageQueue> out = new ArrayList<>();
        for (int i = 0; i < in.size(); i++) {
            out.add(Json.queue(in.getJSONObject(i)));
        }
        return out;
    }
}
