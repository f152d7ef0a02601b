import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.HashMap;
import java.util.Map;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.util.BloomFilter;

/** The broker's own filter without a broker: what SQL92 selectors make of properties, and the bloom filter's bits. */
final class Selectors {
    Object call(String op, JSONObject request) {
        if (op.equals("selectors.bits")) {
            return BloomFilter.createByFn(request.getIntValue("f"), request.getIntValue("n")).calcBitPositions(request.getString("text"));
        }
        JSONArray results = new JSONArray();
        for (Object one : request.getJSONArray("cases")) {
            JSONObject each = (JSONObject) one;
            results.add(evaluate(each.getString("selector"), each.getJSONArray("messages")));
        }
        return results;
    }

    /** One boolean a message, or null when the selector does not compile. */
    private static Object evaluate(String selector, JSONArray messages) {
        Expression expression;
        try {
            expression = FilterFactory.INSTANCE.get("SQL92").compile(selector);
        } catch (Throwable error) {
            return null;
        }
        JSONArray matches = new JSONArray();
        for (Object message : messages) {
            Map<String, Object> properties = new HashMap<>((JSONObject) message);
            boolean isMatch = false;
            try {
                isMatch = Boolean.TRUE.equals(expression.evaluate(new Properties(properties)));
            } catch (Throwable error) {
                // The broker takes a failed evaluation for false.
            }
            matches.add(isMatch);
        }
        return matches;
    }

    private static final class Properties implements EvaluationContext {
        private final Map<String, Object> properties;

        Properties(Map<String, Object> properties) {
            this.properties = properties;
        }

        @Override
        public Object get(String name) {
            return properties.get(name);
        }

        @Override
        public Map<String, Object> keyValues() {
            return properties;
        }
    }
}
