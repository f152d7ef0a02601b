import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Turns RocketMQ's objects into the driver's JSON and back. */
final class Json {
    private Json() {
    }

    static Message message(JSONObject in) {
        Message out = new Message(in.getString("topic"), body(in));
        if (in.containsKey("tags")) {
            out.setTags(in.getString("tags"));
        }
        if (in.containsKey("keys")) {
            out.setKeys(in.getString("keys"));
        }
        if (in.containsKey("flag")) {
            out.setFlag(in.getIntValue("flag"));
        }
        if (in.containsKey("delayTimeLevel")) {
            out.setDelayTimeLevel(in.getIntValue("delayTimeLevel"));
        }
        if (in.containsKey("waitStoreMsgOK")) {
            out.setWaitStoreMsgOK(in.getBooleanValue("waitStoreMsgOK"));
        }
        if (in.containsKey("uniqKey")) {
            MessageAccessor.putProperty(out, "UNIQ_KEY", in.getString("uniqKey"));
        }
        JSONObject properties = in.getJSONObject("properties");
        if (properties != null) {
            for (Map.Entry<String, Object> property : properties.entrySet()) {
                out.putUserProperty(property.getKey(), String.valueOf(property.getValue()));
            }
        }
        return out;
    }

    private static byte[] body(JSONObject in) {
        if (in.containsKey("bodyBase64")) {
            return Base64.getDecoder().decode(in.getString("bodyBase64"));
        }
        if (in.containsKey("bodyBytes")) {
            byte[] filled = new byte[in.getIntValue("bodyBytes")];
            for (int i = 0; i < filled.length; i++) {
                filled[i] = (byte) ('a' + i % 26);
            }
            return filled;
        }
        return in.getString("body").getBytes(StandardCharsets.UTF_8);
    }

    static JSONObject message(MessageExt in) {
        JSONObject out = new JSONObject(true);
        out.put("topic", in.getTopic());
        out.put("msgId", in.getMsgId());
        out.put("offsetMsgId", in instanceof MessageClientExt ? ((MessageClientExt) in).getOffsetMsgId() : null);
        out.put("brokerName", in.getBrokerName());
        out.put("queueId", in.getQueueId());
        out.put("queueOffset", in.getQueueOffset());
        out.put("commitLogOffset", in.getCommitLogOffset());
        out.put("storeSize", in.getStoreSize());
        out.put("tags", in.getTags());
        out.put("keys", in.getKeys());
        out.put("flag", in.getFlag());
        out.put("sysFlag", in.getSysFlag());
        out.put("reconsumeTimes", in.getReconsumeTimes());
        out.put("preparedTransactionOffset", in.getPreparedTransactionOffset());
        out.put("bornTimestamp", in.getBornTimestamp());
        out.put("storeTimestamp", in.getStoreTimestamp());
        out.put("bornHost", String.valueOf(in.getBornHost()));
        out.put("storeHost", String.valueOf(in.getStoreHost()));
        out.put("properties", new JSONObject(new java.util.TreeMap<String, Object>(in.getProperties())));
        out.put("bodyBase64", in.getBody() == null ? null : Base64.getEncoder().encodeToString(in.getBody()));
        return out;
    }

    static JSONObject sendResult(SendResult in) {
        JSONObject out = new JSONObject(true);
        out.put("sendStatus", in.getSendStatus().name());
        out.put("msgId", in.getMsgId());
        out.put("offsetMsgId", in.getOffsetMsgId());
        out.put("queueId", in.getMessageQueue().getQueueId());
        out.put("brokerName", in.getMessageQueue().getBrokerName());
        out.put("queueOffset", in.getQueueOffset());
        return out;
    }

    static JSONObject queue(MessageQueue in) {
        JSONObject out = new JSONObject(true);
        out.put("topic", in.getTopic());
        out.put("brokerName", in.getBrokerName());
        out.put("queueId", in.getQueueId());
        return out;
    }

    static MessageQueue queue(JSONObject in) {
        return new MessageQueue(in.getString("topic"), in.getString("brokerName"), in.getIntValue("queueId"));
    }

    static JSONArray queues(Iterable<MessageQueue> in) {
        JSONArray out = new JSONArray();
        for (MessageQueue queue : in) {
            out.add(queue(queue));
        }
        return out;
    }

    static JSONObject error(Throwable in) {
        JSONObject out = new JSONObject(true);
        out.put("type", in.getClass().getSimpleName());
        out.put("message", in.getMessage());
        if (in instanceof MQBrokerException) {
            out.put("code", ((MQBrokerException) in).getResponseCode());
            out.put("message", ((MQBrokerException) in).getErrorMessage());
        } else if (in instanceof MQClientException) {
            out.put("code", ((MQClientException) in).getResponseCode());
        }
        if (in.getCause() != null && in.getCause() != in) {
            out.put("cause", error(in.getCause()));
        }
        return out;
    }
}
