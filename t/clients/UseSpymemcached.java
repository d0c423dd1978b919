// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Future;
import net.spy.memcached.CASResponse;
import net.spy.memcached.CASValue;
import net.spy.memcached.ConnectionFactoryBuilder;
import net.spy.memcached.ConnectionFactoryBuilder.Protocol;
import net.spy.memcached.FailureMode;
import net.spy.memcached.MemcachedClient;
import net.spy.memcached.auth.AuthDescriptor;
import net.spy.memcached.auth.PlainCallbackHandler;

/**
 * What programs do with spymemcached, over text or binary, with SASL over binary.
 *
 * <p>java UseSpymemcached PORT text|binary [user=NAME password=WORD] [refused]
 */
public final class UseSpymemcached {
  private static final int EXPIRY = 1;
  private final MemcachedClient client;
  private final boolean binary;

  private UseSpymemcached(MemcachedClient client, boolean binary) {
    this.client = client;
    this.binary = binary;
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("net.spy.log.LoggerImpl", Silent.class.getName());
    boolean binary = args[1].equals("binary");
    Map<String, String> words = new HashMap<>();
    for (String word : Arrays.asList(args).subList(2, args.length)) {
      int equals = word.indexOf('=');
      words.put(equals < 0 ? word : word.substring(0, equals), word.substring(equals + 1));
    }
    MemcachedClient client = connect(Integer.parseInt(args[0]), binary, words);
    UseSpymemcached use = new UseSpymemcached(client, binary);
    try {
      if (words.containsKey("refused")) {
        use.refused();
      } else {
        use.everything();
      }
    } catch (Exception error) {
      System.out.println("not ok - " + error);
      System.exit(1); // the client's thread would go on
    }
    client.shutdown();
    System.exit(0);
  }

  private static MemcachedClient connect(int port, boolean binary, Map<String, String> words)
      throws Exception {
    boolean refused = words.containsKey("refused");
    ConnectionFactoryBuilder builder =
        new ConnectionFactoryBuilder()
            .setProtocol(binary ? Protocol.BINARY : Protocol.TEXT)
            .setOpTimeout(refused ? 2000 : 10000)
            .setAuthWaitTime(10000)
            // On a busy machine the first requests come before the connection.
            .setFailureMode(FailureMode.Retry);
    if (words.containsKey("user")) {
      builder.setAuthDescriptor(
          new AuthDescriptor(
              new String[] {"PLAIN"},
              new PlainCallbackHandler(words.get("user"), words.get("password"))));
    }
    return new MemcachedClient(
        builder.build(),
        Collections.singletonList(new InetSocketAddress("127.0.0.1", port)));
  }

  /** One check; the first that fails ends the program. */
  private static void same(Object have, Object want, String what) {
    if (Objects.equals(have, want)) {
      System.out.println("ok - " + what);
      return;
    }
    System.out.println("not ok - " + what + ": " + have + " is not " + want);
    System.exit(1);
  }

  private static <T> T of(Future<T> future) throws Exception {
    return future.get();
  }

  /** It goes on trying to log in; what was asked does not come back. */
  private void refused() {
    try {
      same(of(client.set("key", 0, "x")), false, "set");
    } catch (Exception error) {
      System.out.println("ok - set: " + error.getClass().getSimpleName());
    }
  }

  private void everything() throws Exception {
    same(of(client.flush()), true, "flush");
    same(of(client.set("short", EXPIRY, "x")), true, "set for a second");
    long began = System.nanoTime();
    storage();
    counting();
    withCas();
    many();
    expiryAndKeys();
    large();
    administration();
    long left = EXPIRY * 1000 + 1200 - (System.nanoTime() - began) / 1000000;
    Thread.sleep(Math.max(0, left));
    same(client.get("short"), null, "get after a second");
    same(of(client.flush()), true, "flush");
    same(client.get("key"), null, "get after flush");
  }

  private void storage() throws Exception {
    same(of(client.set("key", 0, "value")), true, "set");
    same(client.get("key"), "value", "get");
    same(client.get("nothing"), null, "get of nothing");
    same(of(client.add("key", 0, "x")), false, "add to what is there");
    same(of(client.add("added", 0, "x")), true, "add");
    same(of(client.replace("key", 0, "mid")), true, "replace");
    same(of(client.replace("nothing", 0, "x")), false, "replace of nothing");
    same(of(client.append("key", ">")), true, "append");
    same(of(client.prepend("key", "<")), true, "prepend");
    same(client.get("key"), "<mid>", "get after append");
    same(of(client.append("nothing", ">")), false, "append to nothing");
    List<Object> structure = new ArrayList<>(Arrays.asList(1, "two", null, 3.5));
    same(of(client.set("structure", 0, structure)), true, "set structure");
    same(client.get("structure"), structure, "get structure");
  }

  private void counting() throws Exception {
    same(client.incr("number", 5, 10), 10L, "incr makes it");
    same(client.incr("number", 5), 15L, "incr");
    same(client.decr("number", 20), 0L, "decr");
    same(client.incr("nothing", 1), -1L, "incr of nothing");
    List<Future<Long>> all = new ArrayList<>();
    for (int i = 0; i < 100; ++i) all.add(client.asyncIncr("number", 1));
    for (Future<Long> one : all) one.get();
    same(client.get("number"), "100", "a hundred at once");
  }

  private void withCas() throws Exception {
    CASValue<Object> found = client.gets("key");
    same(found.getValue(), "<mid>", "gets");
    same(client.cas("key", found.getCas(), "first"), CASResponse.OK, "cas");
    same(client.cas("key", found.getCas(), "second"), CASResponse.EXISTS, "cas again");
    same(client.cas("nothing", found.getCas(), "x"), CASResponse.NOT_FOUND, "cas of nothing");
    same(client.get("key"), "first", "get after cas");
  }

  private void many() throws Exception {
    Map<String, Object> all = new HashMap<>();
    List<Future<Boolean>> stored = new ArrayList<>();
    for (int i = 0; i < 200; ++i) {
      all.put("many" + i, "value " + i);
      stored.add(client.set("many" + i, 0, "value " + i));
    }
    for (Future<Boolean> one : stored) {
      if (!one.get()) same(false, true, "one of many sets");
    }
    same(client.getBulk(all.keySet()), all, "getBulk");
    same(of(client.delete("many0")), true, "delete");
    same(of(client.delete("many0")), false, "delete of nothing");
    same(
        client.getBulk("many0", "many1", "nothing"),
        Collections.singletonMap("many1", "value 1"),
        "getBulk with holes");
  }

  private void expiryAndKeys() throws Exception {
    same(of(client.touch("key", 100)), true, "touch");
    same(of(client.touch("nothing", 100)), false, "touch of nothing");
    if (binary) same(client.getAndTouch("key", 100).getValue(), "first", "gat");
    int past = (int) (System.currentTimeMillis() / 1000 - 100);
    same(of(client.set("past", past, "x")), true, "set of the past");
    same(client.get("past"), null, "get of the past");
    String longest = new String(new char[250]).replace('\0', 'k');
    for (String key : new String[] {longest, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "\u00e4\u00f6"}) {
      same(of(client.set(key, 0, "odd")), true, "set odd key");
      same(client.get(key), "odd", "get odd key");
      same(of(client.delete(key)), true, "delete odd key");
    }
  }

  private void large() throws Exception {
    byte[] big = new byte[1000000];
    new Random(1).nextBytes(big);
    same(of(client.set("big", 0, big)), true, "set big");
    same(Arrays.equals((byte[]) client.get("big"), big), true, "get big");
  }

  private void administration() throws Exception {
    String version = client.getVersions().values().iterator().next();
    same(version.startsWith("1.6."), true, "version");
    Map<String, String> stats = client.getStats().values().iterator().next();
    same(Integer.parseInt(stats.get("curr_items")) > 0, true, "stats");
    Map<String, String> settings = client.getStats("settings").values().iterator().next();
    same(settings.get("maxbytes"), "67108864", "stats settings");
  }

  /** The library's own log tells of every step. */
  public static final class Silent extends net.spy.memcached.compat.log.AbstractLogger {
    public Silent(String name) {
      super(name);
    }

    @Override
    public boolean isTraceEnabled() {
      return false;
    }

    @Override
    public boolean isDebugEnabled() {
      return false;
    }

    @Override
    public boolean isInfoEnabled() {
      return false;
    }

    @Override
    public void log(net.spy.memcached.compat.log.Level level, Object text, Throwable error) {}
  }
}
