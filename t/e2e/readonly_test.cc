// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The proof of the one idea: a read of a warm key writes no shared memory.
// Table and items become read-only for the whole process, and the server goes
// on answering; a single store into them would end it with a signal.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>
#include <utility>
#include <vector>

#include "testing.h"

namespace cucache {
namespace {

// Read-only from construction to destruction.
class Protection {
 public:
  explicit Protection(const Cache& cache)
      : regions_(cache.SharedMemoryForTest()) {
    for (const auto& [address, size] : regions_) {
      EXPECT_EQ(0, mprotect(address, size, PROT_READ));
    }
  }
  ~Protection() {
    for (const auto& [address, size] : regions_) {
      EXPECT_EQ(0, mprotect(address, size, PROT_READ | PROT_WRITE));
    }
  }
  bool any() const { return !regions_.empty(); }

 private:
  const std::vector<std::pair<void*, size_t>> regions_;
};

constexpr int kKeys = 500;

std::string Key(int i) { return "key" + std::to_string(i); }
// Most are copied into the output, some are sent from the item.
std::string Value(int i) {
  return Pattern(i % 50 == 0 ? 20000 : static_cast<size_t>(i),
                 static_cast<unsigned>(i));
}

void Warm(Client& client) {
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(client.Set(Key(i), Value(i)));
  // Until the recency mark of each is saturated.
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < kKeys; ++i) ASSERT_EQ(Value(i), client.Get(Key(i)));
  }
}

TEST(ReadOnly, WarmReadsAndMisses) {
  TestServer server;
  Client client(server.port());
  Client second(server.port());  // the other worker's
  Warm(client);
  server.server().cache().StopMaintenance();
  const Protection protection(server.server().cache());
  ASSERT_TRUE(protection.any());
  std::string keys;
  std::string expected;
  for (int i = 0; i < kKeys; ++i) {
    const std::string value = Value(i);
    for (Client* c : {&client, &second}) {
      ASSERT_EQ(value, c->Get(Key(i)));
      ASSERT_EQ("<miss>", c->Get("no" + Key(i)));
      ASSERT_EQ("EN", c->Ask("mg no" + Key(i) + " v\r\n"));
      ASSERT_EQ("VA " + std::to_string(value.size()) + " f0",
                c->Ask("mg " + Key(i) + " v f\r\n"));
      ASSERT_EQ(value + "\r\n", c->ReadExactly(value.size() + 2));
    }
    keys += " " + Key(i) + " no" + Key(i);
    expected += "VALUE " + Key(i) + " 0 " + std::to_string(value.size()) +
                "\r\n" + value + "\r\n";
  }
  expected += "END\r\n";
  for (Client* c : {&client, &second}) {
    ASSERT_TRUE(c->Send("get" + keys + "\r\n"));
    ASSERT_TRUE(expected == c->ReadExactly(expected.size()));
  }
}

// That the test above can fail.
TEST(ReadOnlyDeathTest, AWriteIsFatal) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        TestServer server;
        Client client(server.port());
        Warm(client);
        server.server().cache().StopMaintenance();
        const Protection protection(server.server().cache());
        client.Ask("touch key1 100\r\n");
      },
      "");
}

}  // namespace
}  // namespace cucache
