/* Threads, a lock, a child process, a file, time: what a virtual machine asks of a kernel. */
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

public class Hello {
    private static long count;

    private static synchronized void add(long n) {
        count += n;
    }

    private static void threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        CountDownLatch begin = new CountDownLatch(1);
        List<Future<Long>> results = new ArrayList<>();

        for (int i = 0; i < 20; i++) {
            long n = i;
            results.add(pool.submit(() -> {
                begin.await();
                for (int k = 0; k < 1000; k++)
                    add(n);
                return n * n;
            }));
        }
        begin.countDown();
        long squares = 0;
        for (Future<Long> result : results)
            squares += result.get();
        pool.shutdown();
        System.out.println(pool.awaitTermination(10, TimeUnit.SECONDS) + " " + count + " " + squares);
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println("hello " + String.join(",", arguments));
        threads();
        Process child = new ProcessBuilder("/bin/sh", "-c", "read x; echo child $x; exit 3")
            .redirectErrorStream(true).start();
        child.getOutputStream().write("says\n".getBytes());
        child.getOutputStream().close();
        System.out.print(new String(child.getInputStream().readAllBytes()));
        System.out.println(child.waitFor());
        Path file = Files.createTempFile("hello", ".txt");
        Files.writeString(file, "one\ntwo\n");
        System.out.println(Files.readAllLines(file) + " " + Files.size(file));
        Files.delete(file);
        try {
            Files.readString(Path.of("/nowhere/x"));
        } catch (java.nio.file.NoSuchFileException absent) {
            System.out.println("absent " + absent.getMessage());
        }
        long before = System.nanoTime();
        Thread.sleep(5);
        System.out.println(System.nanoTime() - before >= 5_000_000);
        System.gc();
        System.exit(7);
    }
}
