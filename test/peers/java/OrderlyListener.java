import com.alibaba.fastjson.JSONObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** holdMs: how long a call takes; failing: the body that fails failTimes times. One event a message, with both ends of the call. */
final class OrderlyListener implements MessageListenerOrderly {
    private final String name;
    private final JSONObject behaviour;
    private final Map<String, Integer> failures = new ConcurrentHashMap<>();

    OrderlyListener(String name, JSONObject behaviour) {
        this.name = name;
        this.behaviour = behaviour == null ? new JSONObject() : behaviour;
    }

    @Override
    public ConsumeOrderlyStatus consumeMessage(List<MessageExt> messages, ConsumeOrderlyContext context) {
        long at = System.currentTimeMillis();
        try {
            Thread.sleep(behaviour.getIntValue("holdMs"));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
        boolean fail = false;
        for (MessageExt message : messages) {
            String body = new String(message.getBody(), java.nio.charset.StandardCharsets.UTF_8);
            if (body.equals(behaviour.getString("failing"))) {
                fail |= failures.merge(body, 1, Integer::sum) <= behaviour.getIntValue("failTimes");
            }
        }
        for (MessageExt message : messages) {
            JSONObject event = new JSONObject(true);
            event.put("event", "message");
            event.put("consumer", name);
            event.put("at", at);
            event.put("until", System.currentTimeMillis());
            event.put("failed", fail);
            event.put("batch", messages.size());
            event.put("message", Json.message(message));
            Driver.emit(event);
        }
        return fail ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
    }
}
