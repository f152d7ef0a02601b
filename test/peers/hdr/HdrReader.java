import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/**
 * Prints a line for each histogram: those of the interval log named, or those on stdin, each in base64 on a line. With `--hgrm` it prints
 * the percentile distribution of the one on stdin, values divided by 1000.
 */
public final class HdrReader {
    private static final double[] PERCENTILES = {0, 25, 50, 75, 90, 99, 99.9, 99.99, 100};

    public static void main(String[] args) throws Exception {
        boolean distribution = args.length > 0 && args[0].equals("--hgrm");
        if (args.length > 0 && !distribution) {
            readLog(args[0]);
            return;
        }
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(line.trim()));
            Histogram histogram = Histogram.decodeFromCompressedByteBuffer(bytes, 0);
            if (distribution) {
                histogram.outputPercentileDistribution(System.out, 5, 1000.0);
            } else {
                print(histogram);
            }
        }
    }

    private static void readLog(String file) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(new File(file));
        for (EncodableHistogram next = reader.nextIntervalHistogram(); next != null; next = reader.nextIntervalHistogram()) {
            print((Histogram) next);
        }
    }

    private static void print(Histogram histogram) {
        StringBuilder values = new StringBuilder();
        for (double percentile : PERCENTILES) {
            values.append(values.length() == 0 ? "" : ",").append(histogram.getValueAtPercentile(percentile));
        }
        System.out.println(String.format(Locale.ROOT,
            "{\"tag\":%s,\"startMs\":%d,\"endMs\":%d,\"count\":%d,\"highest\":%d,\"mean\":%.6f,\"values\":[%s]}",
            histogram.getTag() == null ? "null" : "\"" + histogram.getTag() + "\"",
            histogram.getStartTimeStamp(), histogram.getEndTimeStamp(), histogram.getTotalCount(),
            histogram.getHighestTrackableValue(), histogram.getMean(), values));
    }

    private HdrReader() {
    }
}
