import com.alibaba.fastjson.JSONObject;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/** The push consumers of a driver process. Each delivered batch is an event of its own. */
final class PushConsumers {
    private final Map<String, DefaultMQPushConsumer> consumers = new ConcurrentHashMap<>();

    Object start(JSONObject in) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(in.getString("group"), in.getBooleanValue("trace"), null);
        consumer.setNamesrvAddr(in.getString("namesrvAddr"));
        consumer.setInstanceName(in.getString("name"));
        consumer.setClientIP("127.0.0.1");
        consumer.setVipChannelEnabled(false);
        // What was delivered is answered and counted before the offsets are written for the last time.
        consumer.setAwaitTerminationMillisWhenShutdown(5_000);
        consumer.setMqClientApiTimeout(30_000);
        if (in.containsKey("consumeFromWhere")) {
            consumer.setConsumeFromWhere(ConsumeFromWhere.valueOf(in.getString("consumeFromWhere")));
        }
        if (in.containsKey("consumeTimestamp")) {
            consumer.setConsumeTimestamp(in.getString("consumeTimestamp"));
        }
        if (in.containsKey("maxReconsumeTimes")) {
            consumer.setMaxReconsumeTimes(in.getIntValue("maxReconsumeTimes"));
        }
        if (in.containsKey("consumeMessageBatchMaxSize")) {
            consumer.setConsumeMessageBatchMaxSize(in.getIntValue("consumeMessageBatchMaxSize"));
        }
        if (in.containsKey("consumeThread")) {
            consumer.setConsumeThreadMin(in.getIntValue("consumeThread"));
            consumer.setConsumeThreadMax(in.getIntValue("consumeThread"));
        }
        if (in.containsKey("localOffsetStoreDir")) {
            // Read once, by the first broadcasting consumer.
            System.setProperty("rocketmq.client.localOffsetStoreDir", in.getString("localOffsetStoreDir"));
            setBroadcasting(consumer);
        }
        JSONObject subscriptions = in.getJSONObject("subscriptions");
        for (String topic : subscriptions.keySet()) {
            String expression = subscriptions.getString(topic);
            if (expression.startsWith("sql:")) {
                consumer.subscribe(topic, MessageSelector.bySql(expression.substring("sql:".length())));
            } else {
                consumer.subscribe(topic, expression);
            }
        }
        if (in.getBooleanValue("orderly")) {
            consumer.registerMessageListener(new OrderlyListener(in.getString("name"), in.getJSONObject("behaviour")));
        } else {
            consumer.registerMessageListener(new Listener(in.getString("name"), in.getJSONObject("behaviour")));
        }
        Popping.configure(consumer, in);
        consumer.start();
        consumers.put(in.getString("name"), consumer);
        return null;
    }

    /** The package of MessageModel depends on the release. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static void setBroadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                method.invoke(consumer, Enum.valueOf((Class<Enum>) method.getParameterTypes()[0], "BROADCASTING"));
            }
        }
    }

    /** The queues that this consumer owns at the moment, retry topic included. */
    Object owned(JSONObject in) {
        return Json.queues(get(in).getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet());
    }

    Object persist(JSONObject in) {
        get(in).getDefaultMQPushConsumerImpl().persistConsumerOffset();
        return null;
    }

    Object stop(JSONObject in) {
        DefaultMQPushConsumer consumer = consumers.remove(in.getString("name"));
        if (consumer != null) {
            consumer.shutdown();
        }
        return null;
    }

    private DefaultMQPushConsumer get(JSONObject in) {
        DefaultMQPushConsumer consumer = consumers.get(in.getString("name"));
        if (consumer == null) {
            throw new IllegalArgumentException("no consumer " + in.getString("name"));
        }
        return consumer;
    }

    /** The messages of one batch share a UNIQ_KEY on a 5.x broker; their bodies tell them apart. */
    private static String identity(MessageExt message) {
        return message.getMsgId() + '/' + java.util.Arrays.hashCode(message.getBody());
    }

    /** failTimes: how often each message fails first; throwing: by an exception; delayLevel and ackIndex go to the context. */
    private static final class Listener implements MessageListenerConcurrently {
        private final String name;
        private final JSONObject behaviour;
        private final Map<String, Integer> deliveries = new ConcurrentHashMap<>();

        Listener(String name, JSONObject behaviour) {
            this.name = name;
            this.behaviour = behaviour == null ? new JSONObject() : behaviour;
        }

        @Override
        public ConsumeConcurrentlyStatus consumeMessage(List<MessageExt> messages, ConsumeConcurrentlyContext context) {
            boolean fail = false;
            for (MessageExt message : messages) {
                int nth = deliveries.merge(identity(message), 1, Integer::sum);
                fail |= nth <= behaviour.getIntValue("failTimes");
            }
            for (MessageExt message : messages) {
                JSONObject event = new JSONObject(true);
                event.put("event", "message");
                event.put("consumer", name);
                event.put("at", System.currentTimeMillis());
                event.put("failed", fail);
                event.put("batch", messages.size());
                event.put("message", Json.message(message));
                Driver.emit(event);
            }
            if (behaviour.containsKey("delayLevel")) {
                context.setDelayLevelWhenNextConsume(behaviour.getIntValue("delayLevel"));
            }
            if (behaviour.containsKey("ackIndex")) {
                context.setAckIndex(behaviour.getIntValue("ackIndex"));
            }
            if (fail && behaviour.getBooleanValue("throwing")) {
                throw new IllegalStateException("asked to fail");
            }
            return fail ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        }
    }
}
