import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Requests that wait for a reply, and consumers that reply. */
final class RequestReply {
    private final Map<String, DefaultMQProducer> requesters = new ConcurrentHashMap<>();
    private final Map<String, DefaultMQPushConsumer> responders = new ConcurrentHashMap<>();
    private final Map<String, DefaultMQProducer> repliers = new ConcurrentHashMap<>();

    Object call(String op, JSONObject in) throws Exception {
        switch (op) {
            case "reply.startRequester": return startRequester(in);
            case "reply.request": return request(in);
            case "reply.startResponder": return startResponder(in);
            case "reply.stop": return stop(in);
            default: throw new IllegalArgumentException("unknown op " + op);
        }
    }

    private Object startRequester(JSONObject in) throws Exception {
        requesters.put(in.getString("name"), producer(in, in.getString("name")));
        return null;
    }

    /** By callback and selector: of 5.3.3's other ways to request, none waits for the reply (apache/rocketmq#9319). */
    private Object request(JSONObject in) throws Exception {
        CompletableFuture<Message> answered = new CompletableFuture<>();
        RequestCallback callback = new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                answered.complete(message);
            }

            @Override
            public void onException(Throwable error) {
                answered.completeExceptionally(error);
            }
        };
        Message request = Json.message(in.getJSONObject("message"));
        DefaultMQProducer requester = requesters.get(in.getString("name"));
        requester.request(request, (queues, message, arg) -> queues.get(0), null, callback, in.getLongValue("timeout"));
        Message reply;
        try {
            reply = answered.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            throw (Exception) error.getCause();
        }
        JSONObject out = new JSONObject(true);
        out.put("topic", reply.getTopic());
        out.put("bodyBase64", Base64.getEncoder().encodeToString(reply.getBody()));
        out.put("properties", new JSONObject(new TreeMap<String, Object>(reply.getProperties())));
        return out;
    }

    /** Answers every request to the topic with "re:" and its body. */
    private Object startResponder(JSONObject in) throws Exception {
        String name = in.getString("name");
        DefaultMQProducer replier = producer(in, name + "-replier");
        repliers.put(name, replier);
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(in.getString("group"));
        consumer.setNamesrvAddr(in.getString("namesrvAddr"));
        consumer.setInstanceName(name + "-responder");
        consumer.setClientIP("127.0.0.1");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(in.getString("topic"), "*");
        consumer.registerMessageListener(new MessageListenerConcurrently() {
            @Override
            public ConsumeConcurrentlyStatus consumeMessage(List<MessageExt> messages, ConsumeConcurrentlyContext context) {
                for (MessageExt message : messages) {
                    try {
                        byte[] body = ("re:" + new String(message.getBody(), StandardCharsets.UTF_8)).getBytes(StandardCharsets.UTF_8);
                        replier.send(MessageUtil.createReplyMessage(message, body), 30_000);
                    } catch (Exception error) {
                        System.err.println("no reply: " + error);
                    }
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            }
        });
        consumer.start();
        responders.put(name, consumer);
        return null;
    }

    private static DefaultMQProducer producer(JSONObject in, String instanceName) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(in.getString("group") + "-producer");
        producer.setNamesrvAddr(in.getString("namesrvAddr"));
        producer.setInstanceName(instanceName);
        producer.setClientIP("127.0.0.1");
        producer.setSendMsgTimeout(30_000);
        producer.start();
        return producer;
    }

    private Object stop(JSONObject in) {
        String name = in.getString("name");
        DefaultMQPushConsumer responder = responders.remove(name);
        if (responder != null) {
            responder.shutdown();
        }
        for (Map<String, DefaultMQProducer> table : java.util.Arrays.asList(requesters, repliers)) {
            DefaultMQProducer producer = table.remove(name);
            if (producer != null) {
                producer.shutdown();
            }
        }
        return null;
    }
}
