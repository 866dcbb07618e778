import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/**
 * Lists a .tar.gz: one line a file, "name as hex, size, mtime, sha256".
 *
 * <p>The JDK reads gzip but has no tar reader: what this proves is that its GZIPInputStream reads every member. The walk
 * through the tar is written out below, from the POSIX text alone.
 */
public final class Read {
    private static final int BLOCK = 512;

    public static void main(String[] arguments) throws Exception {
        try (DataInputStream in =
                new DataInputStream(new GZIPInputStream(new FileInputStream(arguments[0]), 65536))) {
            Map<String, String> records = new HashMap<>();
            byte[] header = new byte[BLOCK];
            for (in.readFully(header); header[0] != 0; in.readFully(header)) {
                check(header);
                long size = Long.parseLong(records.getOrDefault("size", octal(header, 124)),
                        records.containsKey("size") ? 10 : 8);
                if (header[156] == 'x') {
                    records = parse(data(in, size));
                    continue;
                }
                String name = records.getOrDefault("path", text(header, 0, 100));
                byte[] digest = MessageDigest.getInstance("SHA-256").digest(data(in, size));
                System.out.printf(
                        "%s %d %d %s%n",
                        HexFormat.of().formatHex(name.getBytes(StandardCharsets.UTF_8)),
                        size,
                        Long.parseLong(octal(header, 136), 8),
                        HexFormat.of().formatHex(digest));
                records = new HashMap<>();
            }
            in.readFully(header);
            if (header[0] != 0 || in.read() != -1) {
                throw new IOException("the tar does not end with two zero blocks");
            }
        }
    }

    private static byte[] data(InputStream in, long size) throws IOException {
        byte[] data = in.readNBytes((int) size);
        in.skipNBytes((BLOCK - size % BLOCK) % BLOCK);
        return data;
    }

    /** Checks the header's checksum, in which its own eight bytes count as spaces. */
    private static void check(byte[] header) throws IOException {
        int sum = 8 * ' ';
        for (int at = 0; at < BLOCK; at++) {
            sum += at >= 148 && at < 156 ? 0 : header[at] & 0xff;
        }
        if (sum != Integer.parseInt(text(header, 148, 6), 8)) {
            throw new IOException("wrong header checksum");
        }
    }

    private static Map<String, String> parse(byte[] data) {
        Map<String, String> records = new HashMap<>();
        for (int at = 0; at < data.length; ) {
            int space = at;
            while (data[space] != ' ') {
                space++;
            }
            int length = Integer.parseInt(new String(data, at, space - at, StandardCharsets.US_ASCII));
            String record = new String(data, space + 1, at + length - 1 - (space + 1), StandardCharsets.UTF_8);
            records.put(record.substring(0, record.indexOf('=')), record.substring(record.indexOf('=') + 1));
            at += length;
        }
        return records;
    }

    private static String octal(byte[] header, int at) {
        return text(header, at, 11);
    }

    private static String text(byte[] header, int at, int length) {
        int end = at;
        while (end < at + length && header[end] != 0) {
            end++;
        }
        return new String(header, at, end - at, StandardCharsets.US_ASCII);
    }
}
