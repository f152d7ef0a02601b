import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.cli.CommandLineParser;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.commons.cli.PosixParser;
import org.apache.rocketmq.srvutil.ServerUtil;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;

/** Apache's mqadmin inside the driver: one command after another, without a JVM start for each. */
final class Tools {
    synchronized Object run(JSONObject in) throws Exception {
        JSONArray words = in.getJSONArray("args");
        String[] args = words.toArray(new String[0]);
        JSONObject result = new JSONObject(true);
        String fault = parseFault(args);
        forgetCommands();
        if (fault != null) {
            result.put("stdout", "");
            result.put("stderr", fault);
            return result;
        }
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
        result.put("stdout", outBytes.toString(StandardCharsets.UTF_8));
        result.put("stderr", errBytes.toString(StandardCharsets.UTF_8));
        return result;
    }

    /** What the parser would say before it ended this process; null for a line that it takes. */
    private static String parseFault(String[] args) throws Exception {
        MQAdminStartup.initCommand();
        for (Object each : commands()) {
            SubCommand command = (SubCommand) each;
            if (command.commandName().equalsIgnoreCase(args[0])) {
                Options options = command.buildCommandlineOptions(ServerUtil.buildCommandlineOptions(new Options()));
                try {
                    parser().parse(options, Arrays.copyOfRange(args, 1, args.length));
                } catch (ParseException fault) {
                    return fault.getMessage();
                }
            }
        }
        return null;
    }

    /** 4.9 has an older parser. */
    private static CommandLineParser parser() throws Exception {
        try {
            return (CommandLineParser) Class.forName("org.apache.commons.cli.DefaultParser").getDeclaredConstructor().newInstance();
        } catch (ClassNotFoundException error) {
            return new PosixParser();
        }
    }

    /** Each run adds its own commands behind those of the run before; some, such as consumeMessage, can be run but once. */
    private static void forgetCommands() throws Exception {
        commands().clear();
    }

    private static List<?> commands() throws Exception {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && field.getType() == List.class) {
                field.setAccessible(true);
                return (List<?>) field.get(null);
            }
        }
        throw new IllegalStateException("no list of commands");
    }
}
