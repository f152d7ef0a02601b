import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Apache's mqadmin inside the driver: one command after another, without a JVM start for each. */
final class Tools {
    synchronized Object run(JSONObject in) throws Exception {
        forgetCommands();
        JSONArray words = in.getJSONArray("args");
        String[] args = words.toArray(new String[0]);
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
        System.setProperty("rocketmq.namesrv.addr", in.getString("namesrvAddr"));
        try {
            MQAdminStartup.main0(args, null);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        JSONObject result = new JSONObject(true);
        result.put("stdout", outBytes.toString(StandardCharsets.UTF_8));
        result.put("stderr", errBytes.toString(StandardCharsets.UTF_8));
        return result;
    }

    /** Each run adds its own commands behind those of the run before; some, such as consumeMessage, can be run but once. */
    private static void forgetCommands() throws Exception {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getType() == List.class) {
                field.setAccessible(true);
                ((List<?>) field.get(null)).clear();
            }
        }
    }
}
