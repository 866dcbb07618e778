import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * Lists archives with Commons Compress, gunzipped by its own defaults ("commons") or by the JDK ("jdk") from a stream
 * that never knows what is available, as one from a network does not.
 */
public final class Read {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (int at = 1; at < arguments.length; at++) {
            try (InputStream file = new Silent(new BufferedInputStream(new FileInputStream(arguments[at])));
                    InputStream raw = arguments[0].equals("jdk")
                            ? new GZIPInputStream(file)
                            : new GzipCompressorInputStream(file);
                    TarArchiveInputStream tar = new TarArchiveInputStream(raw, "UTF-8")) {
                for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                    byte[] digest = MessageDigest.getInstance("SHA-256").digest(tar.readAllBytes());
                    out.printf("%s\t%s%n", entry.getName(), HexFormat.of().formatHex(digest));
                }
                out.println("end");
            } catch (IOException error) {
                System.err.println(arguments[at] + ": " + error);
                out.println("failed");
            }
        }
    }

    /** A stream that has, by its own word, nothing available at any time. */
    private static final class Silent extends FilterInputStream {
        Silent(InputStream below) {
            super(below);
        }

        @Override
        public int available() {
            return 0;
        }
    }
}
