import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** The transaction producers of a driver process: each send says how its local transaction ends, each producer what it answers to checks. */
final class Transactions {
    private final Map<String, Answering> producers = new ConcurrentHashMap<>();

    private static final class Answering implements TransactionListener {
        final TransactionMQProducer producer;
        final JSONArray checks = new JSONArray();
        volatile LocalTransactionState checkState;

        Answering(TransactionMQProducer producer, LocalTransactionState checkState) {
            this.producer = producer;
            this.checkState = checkState;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object state) {
            if ("THROW".equals(state)) {
                throw new IllegalStateException("local transaction failed");
            }
            return LocalTransactionState.valueOf((String) state);
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            synchronized (checks) {
                JSONObject check = Json.message(message);
                check.put("transactionId", message.getTransactionId());
                checks.add(check);
            }
            return checkState;
        }
    }

    Object start(JSONObject in) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(in.getString("group"));
        producer.setNamesrvAddr(in.getString("namesrvAddr"));
        producer.setInstanceName(in.getString("name"));
        producer.setClientIP("127.0.0.1");
        producer.setVipChannelEnabled(false);
        producer.setSendMsgTimeout(30_000);
        Answering answering = new Answering(producer, LocalTransactionState.valueOf(in.getString("checkState")));
        producer.setTransactionListener(answering);
        producer.start();
        producers.put(in.getString("name"), answering);
        return null;
    }

    Object send(JSONObject in) throws Exception {
        Message message = Json.message(in.getJSONObject("message"));
        TransactionSendResult result = get(in).producer.sendMessageInTransaction(message, in.getString("state"));
        JSONObject out = Json.sendResult(result);
        out.put("transactionId", result.getTransactionId());
        out.put("localTransactionState", result.getLocalTransactionState().name());
        return out;
    }

    /** What later checks are answered. */
    Object answer(JSONObject in) {
        get(in).checkState = LocalTransactionState.valueOf(in.getString("checkState"));
        return null;
    }

    Object checks(JSONObject in) {
        JSONArray checks = get(in).checks;
        synchronized (checks) {
            return new JSONArray(new java.util.ArrayList<>(checks));
        }
    }

    Object stop(JSONObject in) {
        Answering answering = producers.remove(in.getString("name"));
        if (answering != null) {
            answering.producer.shutdown();
        }
        return null;
    }

    private Answering get(JSONObject in) {
        Answering answering = producers.get(in.getString("name"));
        if (answering == null) {
            throw new IllegalArgumentException("no transaction producer " + in.getString("name"));
        }
        return answering;
    }
}
