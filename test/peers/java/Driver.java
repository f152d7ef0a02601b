import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import com.alibaba.fastjson.serializer.SerializerFeature;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Drives Apache's Java client by JSON lines: {"id":1,"op":"producer.send",...} in, {"id":1,"result":...} or
 * {"id":1,"error":...} out, and {"event":"message",...} for everything a listener receives.
 */
public final class Driver {
    private static final PrintStream ANSWERS =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    private final Producers producers = new Producers();
    private final Transactions transactions = new Transactions();
    private final PushConsumers pushConsumers = new PushConsumers();
    private final PullConsumers pullConsumers = new PullConsumers();
    private final Tools tools = new Tools();
    private final RequestReply requestReply = new RequestReply();

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        new Driver().run();
    }

    static synchronized void emit(JSONObject line) {
        ANSWERS.println(JSON.toJSONString(line, SerializerFeature.WriteMapNullValue, SerializerFeature.DisableCircularReferenceDetect));
        ANSWERS.flush();
    }

    private void run() throws Exception {
        ExecutorService pool = Executors.newCachedThreadPool();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        JSONObject hello = new JSONObject();
        hello.put("event", "ready");
        emit(hello);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JSONObject request = JSON.parseObject(line);
            pool.execute(() -> answer(request));
        }
        Runtime.getRuntime().halt(0);
    }

    private void answer(JSONObject request) {
        JSONObject out = new JSONObject(true);
        out.put("id", request.get("id"));
        try {
            out.put("result", call(request.getString("op"), request));
        } catch (Throwable error) {
            out.put("error", Json.error(error));
        }
        emit(out);
    }

    private Object call(String op, JSONObject in) throws Exception {
        switch (op) {
            case "producer.start": return producers.start(in);
            case "producer.send": return producers.send(in);
            case "producer.sendMany": return producers.sendMany(in);
            case "producer.sendBatch": return producers.sendBatch(in);
            case "producer.queues": return producers.queues(in);
            case "producer.view": return producers.view(in);
            case "producer.stop": return producers.stop(in);
            case "transaction.start": return transactions.start(in);
            case "transaction.send": return transactions.send(in);
            case "transaction.answer": return transactions.answer(in);
            case "transaction.checks": return transactions.checks(in);
            case "transaction.stop": return transactions.stop(in);
            case "push.start": return pushConsumers.start(in);
            case "push.owned": return pushConsumers.owned(in);
            case "push.persist": return pushConsumers.persist(in);
            case "push.stop": return pushConsumers.stop(in);
            case "pull.start": return pullConsumers.start(in);
            case "pull.queues": return pullConsumers.queues(in);
            case "pull.pull": return pullConsumers.pull(in);
            case "pull.offset": return pullConsumers.offset(in);
            case "pull.stop": return pullConsumers.stop(in);
            case "mqadmin": return tools.run(in);
            case "timer.send": return Timers.send(producers.get(in), in);
            case "timer.recall": return Timers.recall(producers.get(in), in);
            case "ordered.send": return OrderedSends.send(in);
            case "lite": return LitePullConsumers.call("lite." + in.getString("what"), in);
            case "selectors.bits":
            case "selectors.evaluate": return new Selectors().call(op, in);
            default: return op.startsWith("trace.") ? Traced.call(op, in) : requestReply.call(op, in);
        }
    }
}
