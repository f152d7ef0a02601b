import com.alibaba.fastjson.JSONObject;
import java.lang.reflect.InvocationTargetException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** Timer messages and recalls; 4.9 has neither, so both are called by name. */
final class Timers {
    private Timers() {}

    /** Sends a message with delayTimeSec, delayTimeMs or deliverTimeMs; the result has the recall handle. */
    static Object send(DefaultMQProducer producer, JSONObject in) throws Exception {
        JSONObject fields = in.getJSONObject("message");
        Message message = Json.message(fields);
        set(message, "setDelayTimeSec", fields.getLong("delayTimeSec"));
        set(message, "setDelayTimeMs", fields.getLong("delayTimeMs"));
        set(message, "setDeliverTimeMs", fields.getLong("deliverTimeMs"));
        SendResult result = producer.send(message);
        JSONObject out = Json.sendResult(result);
        out.put("recallHandle", SendResult.class.getMethod("getRecallHandle").invoke(result));
        return out;
    }

    private static void set(Message message, String setter, Long value) throws Exception {
        if (value != null) {
            Message.class.getMethod(setter, long.class).invoke(message, value);
        }
    }

    static Object recall(DefaultMQProducer producer, JSONObject in) throws Exception {
        try {
            return DefaultMQProducer.class
                .getMethod("recallMessage", String.class, String.class)
                .invoke(producer, in.getString("topic"), in.getString("recallHandle"));
        } catch (InvocationTargetException error) {
            throw (Exception) error.getCause();
        }
    }
}
