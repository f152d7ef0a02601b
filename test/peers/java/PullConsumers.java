import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Pull consumers: reads by offset and the offset requests. */
@SuppressWarnings("deprecation")
final class PullConsumers {
    private final Map<String, DefaultMQPullConsumer> consumers = new ConcurrentHashMap<>();

    Object start(JSONObject in) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(in.getString("group"));
        consumer.setNamesrvAddr(in.getString("namesrvAddr"));
        consumer.setInstanceName(in.getString("name"));
        consumer.setClientIP("127.0.0.1");
        consumer.setVipChannelEnabled(false);
        consumer.start();
        consumers.put(in.getString("name"), consumer);
        return null;
    }

    Object queues(JSONObject in) throws Exception {
        return Json.queues(get(in).fetchSubscribeMessageQueues(in.getString("topic")));
    }

    Object pull(JSONObject in) throws Exception {
        String expression = in.containsKey("expression") ? in.getString("expression") : "*";
        int maxNums = in.containsKey("maxNums") ? in.getIntValue("maxNums") : 32;
        PullResult result = get(in).pull(Json.queue(in.getJSONObject("queue")), expression, in.getLongValue("offset"), maxNums);
        JSONObject out = new JSONObject(true);
        out.put("pullStatus", result.getPullStatus().name());
        out.put("nextBeginOffset", result.getNextBeginOffset());
        out.put("minOffset", result.getMinOffset());
        out.put("maxOffset", result.getMaxOffset());
        JSONArray messages = new JSONArray();
        if (result.getMsgFoundList() != null) {
            for (MessageExt message : result.getMsgFoundList()) {
                messages.add(Json.message(message));
            }
        }
        out.put("messages", messages);
        return out;
    }

    Object offset(JSONObject in) throws Exception {
        DefaultMQPullConsumer consumer = get(in);
        MessageQueue queue = Json.queue(in.getJSONObject("queue"));
        switch (in.getString("what")) {
            case "min":
                return consumer.minOffset(queue);
            case "max":
                return consumer.maxOffset(queue);
            case "search":
                return consumer.searchOffset(queue, in.getLongValue("timestamp"));
            case "earliest":
                return consumer.earliestMsgStoreTime(queue);
            case "fetch":
                return consumer.fetchConsumeOffset(queue, true);
            case "update":
                consumer.getDefaultMQPullConsumerImpl().updateConsumeOffset(queue, in.getLongValue("offset"));
                consumer.getOffsetStore().persist(queue);
                return null;
            default:
                throw new IllegalArgumentException("unknown offset " + in.getString("what"));
        }
    }

    Object stop(JSONObject in) {
        DefaultMQPullConsumer consumer = consumers.remove(in.getString("name"));
        if (consumer != null) {
            consumer.shutdown();
        }
        return null;
    }

    private DefaultMQPullConsumer get(JSONObject in) {
        DefaultMQPullConsumer consumer = consumers.get(in.getString("name"));
        if (consumer == null) {
            throw new IllegalArgumentException("no pull consumer " + in.getString("name"));
        }
        return consumer;
    }
}
