import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;

/** Sends whose queue a selector picks. */
final class OrderedSends {
    private OrderedSends() {
    }

    /** One message for each of the keys, to the queue of the key's hash; a key is a text, or a number that becomes a Long. */
    static Object send(JSONObject in) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(in.getString("group"));
        producer.setNamesrvAddr(in.getString("namesrvAddr"));
        producer.setInstanceName(in.getString("name"));
        producer.setSendMsgTimeout(30_000);
        producer.start();
        JSONArray out = new JSONArray();
        try {
            for (Object key : in.getJSONArray("keys")) {
                Message message = Json.message(in.getJSONObject("message"));
                Object arg = key instanceof Number ? Long.valueOf(((Number) key).longValue()) : key;
                SendResult result = producer.send(message, new SelectMessageQueueByHash(), arg);
                out.add(Json.sendResult(result));
            }
        } finally {
            producer.shutdown();
        }
        return out;
    }
}
