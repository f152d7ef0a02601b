import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** The producers of a driver process, by the name that the test gave them. */
final class Producers {
    private final Map<String, DefaultMQProducer> producers = new ConcurrentHashMap<>();

    Object start(JSONObject in) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(in.getString("group"), in.getBooleanValue("trace"), null);
        producer.setNamesrvAddr(in.getString("namesrvAddr"));
        producer.setInstanceName(in.getString("name"));
        producer.setClientIP("127.0.0.1");
        if (in.containsKey("retryTimesWhenSendFailed")) {
            producer.setRetryTimesWhenSendFailed(in.getIntValue("retryTimesWhenSendFailed"));
            producer.setRetryTimesWhenSendAsyncFailed(in.getIntValue("retryTimesWhenSendFailed"));
        }
        if (in.containsKey("sendMsgTimeout")) {
            producer.setSendMsgTimeout(in.getIntValue("sendMsgTimeout"));
        }
        if (in.containsKey("compressMsgBodyOverHowmuch")) {
            producer.setCompressMsgBodyOverHowmuch(in.getIntValue("compressMsgBodyOverHowmuch"));
        }
        producer.setVipChannelEnabled(in.getBooleanValue("vipChannelEnabled"));
        producer.start();
        producers.put(in.getString("name"), producer);
        return null;
    }

    Object send(JSONObject in) throws Exception {
        DefaultMQProducer producer = get(in);
        Message message = Json.message(in.getJSONObject("message"));
        JSONObject queue = in.getJSONObject("queue");
        String mode = in.containsKey("mode") ? in.getString("mode") : "sync";
        switch (mode) {
            case "sync":
                return Json.sendResult(queue == null ? producer.send(message) : producer.send(message, Json.queue(queue)));
            case "async":
                return sendAsync(producer, message);
            case "oneway":
                if (queue == null) {
                    producer.sendOneway(message);
                } else {
                    producer.sendOneway(message, Json.queue(queue));
                }
                return null;
            default:
                throw new IllegalArgumentException("unknown mode " + mode);
        }
    }

    private static Object sendAsync(DefaultMQProducer producer, Message message) throws Exception {
        CompletableFuture<JSONObject> done = new CompletableFuture<>();
        AtomicInteger calls = new AtomicInteger();
        producer.send(message, new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                JSONObject out = Json.sendResult(result);
                out.put("callbacks", calls.incrementAndGet());
                done.complete(out);
            }

            @Override
            public void onException(Throwable error) {
                calls.incrementAndGet();
                done.completeExceptionally(error);
            }
        });
        try {
            return done.get(30, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException error) {
            throw (Exception) error.getCause();
        }
    }

    /** Sends count copies of the message; `%d` in its body becomes the number. */
    Object sendMany(JSONObject in) throws Exception {
        DefaultMQProducer producer = get(in);
        JSONObject template = in.getJSONObject("message");
        JSONObject queue = in.getJSONObject("queue");
        JSONArray out = new JSONArray();
        int first = in.getIntValue("first");
        for (int i = first; i < first + in.getIntValue("count"); i++) {
            JSONObject copy = new JSONObject(new java.util.HashMap<String, Object>(template));
            if (template.containsKey("body")) {
                copy.put("body", template.getString("body").replace("%d", Integer.toString(i)));
            }
            if (template.containsKey("keys")) {
                copy.put("keys", template.getString("keys").replace("%d", Integer.toString(i)));
            }
            Message message = Json.message(copy);
            out.add(Json.sendResult(queue == null ? producer.send(message) : producer.send(message, Json.queue(queue))));
        }
        return out;
    }

    Object sendBatch(JSONObject in) throws Exception {
        List<Message> messages = new ArrayList<>();
        for (Object message : in.getJSONArray("messages")) {
            messages.add(Json.message((JSONObject) message));
        }
        return Json.sendResult(get(in).send(messages));
    }

    Object queues(JSONObject in) throws Exception {
        return Json.queues(get(in).fetchPublishMessageQueues(in.getString("topic")));
    }

    Object view(JSONObject in) throws Exception {
        return Json.message(get(in).viewMessage(in.getString("topic"), in.getString("msgId")));
    }

    Object stop(JSONObject in) {
        DefaultMQProducer producer = producers.remove(in.getString("name"));
        if (producer != null) {
            producer.shutdown();
        }
        return null;
    }

    DefaultMQProducer get(JSONObject in) {
        DefaultMQProducer producer = producers.get(in.getString("name"));
        if (producer == null) {
            throw new IllegalArgumentException("no producer " + in.getString("name"));
        }
        return producer;
    }
}
